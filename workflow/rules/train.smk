rule train:
    input:
        plan=ancient("results/plan/{job}.json"),
        data=data_of_job,
    output:
        summary="results/jobs/{job}/summary.parquet",
        history="results/jobs/{job}/history.parquet",
        correct="results/jobs/{job}/correct.parquet",
        cost="results/jobs/{job}/cost.json",
    log:
        "results/logs/train/{job}.log",
    benchmark:
        "results/benchmarks/train/{job}.tsv"
    priority: job_priority
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=lambda wildcards: plan_of_job(wildcards)["resources"]["mem_mb"],
        runtime=lambda wildcards: plan_of_job(wildcards)["resources"]["runtime"],
        gpu=lambda wildcards: plan_of_job(wildcards)["resources"]["gpu"],
    # exec: SIGTERM, with which clusters preempt, reaches Python, which then writes a checkpoint
    shell:
        "exec python -m smallbatch.train {input.plan} > {log} 2>&1"
