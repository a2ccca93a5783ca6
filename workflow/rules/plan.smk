# What a study will cost, before it runs: snakemake --cores N plan
rule plan:
    input:
        studies=[plan_of(study)[0] for study in STUDIES] if workflow.is_main_process else [],
        calibration=expand("results/{study}/calibration.csv", study=STUDIES),
    log:
        "results/logs/plan.log",
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    params:
        cores=lambda wildcards: workflow.resource_settings.cores or 1,
    shell:
        "python -m smallbatch.resources.cost {params.cores} {input.studies} 2>&1 | tee {log}"


rule calibrate:
    input:
        study=study_file,
        data=data_of_study,
        code=source("smallbatch.resources.calibrate"),
    output:
        "results/{study}/calibration.csv",
    log:
        "results/logs/{study}/calibrate.log",
    priority: BEFORE_TRAINING
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    shell:
        "python -m smallbatch.resources.calibrate {input.study} {output} > {log} 2>&1"
