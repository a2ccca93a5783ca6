rule collect:
    input:
        study=study_file,
        jobs=job_tables,
        calibration="results/{study}/calibration.csv",
        code=source("smallbatch.jobs.collect"),
    output:
        table="results/{study}/table.parquet",
        history="results/{study}/history.parquet",
        correct="results/{study}/correct.parquet",
        gaps="results/{study}/gaps.csv",
        cost="results/{study}/cost.json",
        study="results/{study}/study.json",
    log:
        "results/logs/{study}/collect.log",
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        partial=SETTINGS.partial_flag,
    shell:
        "python -m smallbatch.jobs.collect {input.study} {params.partial} > {log} 2>&1"


rule analyse:
    input:
        table="results/{study}/table.parquet",
        correct="results/{study}/correct.parquet",
        study="results/{study}/study.json",
        code=source("smallbatch.analysis"),
    output:
        best="results/{study}/best.csv",
        claims="results/{study}/claims.json",
    log:
        "results/logs/{study}/analyse.log",
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    shell:
        "python -m smallbatch.analysis results/{wildcards.study} > {log} 2>&1"


rule table:
    input:
        expand("results/{study}/{name}", study=STUDIES, name=["table.parquet", "best.csv", "claims.json"]),
    localrule: True
