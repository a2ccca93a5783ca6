rule collect:
    localrule: True
    input:
        study=study_file,
        jobs=job_tables,
        code=source("collect.py", "store.py"),
    output:
        table="results/{study}/table.parquet",
        history="results/{study}/history.parquet",
        correct="results/{study}/correct.parquet",
        gaps="results/{study}/gaps.csv",
        cost="results/{study}/cost.json",
        study="results/{study}/study.json",
    log:
        "results/logs/{study}/collect.log",
    params:
        partial=SETTINGS.partial_flag,
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    shell:
        "python -m smallbatch.collect {input.study} {params.partial} > {log} 2>&1"


rule analyse:
    localrule: True
    input:
        table="results/{study}/table.parquet",
        study="results/{study}/study.json",
        code=source("analyse.py", "analysis/best.py"),
    output:
        best="results/{study}/best.csv",
    log:
        "results/logs/{study}/analyse.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    shell:
        "python -m smallbatch.analyse results/{wildcards.study} > {log} 2>&1"


rule table:
    localrule: True
    input:
        expand("results/{study}/{name}", study=STUDIES, name=["table.parquet", "best.csv"]),
