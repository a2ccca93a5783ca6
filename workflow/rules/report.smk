rule figure:
    input:
        table="results/{study}/table.parquet",
        best="results/{study}/best.csv",
        study="results/{study}/study.json",
        extra=extra_tables,
        code=lambda wildcards: source("smallbatch.figures", f"smallbatch.figures.{wildcards.figure}"),
    output:
        svg=report(
            "results/{study}/figures/{figure}.svg",
            caption="../report/figure.rst",
            category="Study {study}",
            labels={"figure": "{figure}"},
        ),
        others=[f"results/{{study}}/figures/{{figure}}.{format}" for format in FORMATS[1:]],
    log:
        "results/logs/{study}/figure-{figure}.log",
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    shell:
        "python -m smallbatch.figures {wildcards.figure} results/{wildcards.study} > {log} 2>&1"


rule page:
    input:
        tables=expand(
            "results/{{study}}/{name}",
            name=[
                "table.parquet",
                "correct.parquet",
                "best.csv",
                "claims.json",
                "study.json",
                "gaps.csv",
                "cost.json",
            ],
        ),
        figures=lambda wildcards: figure_files(wildcards.study, ("svg", "csv")),
        runs=tracked_runs,
        code=source("smallbatch.page"),
    output:
        report(
            "results/{study}/report.html",
            caption="../report/page.rst",
            category="Study {study}",
            labels={"figure": "the whole report"},
        ),
    log:
        "results/logs/{study}/page.log",
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    shell:
        "python -m smallbatch.page results/{wildcards.study} > {log} 2>&1"


rule figures:
    input:
        [path for study in STUDIES for path in figure_files(study)] if workflow.is_main_process else [],
    localrule: True


rule report:
    input:
        expand("results/{study}/report.html", study=STUDIES),
    localrule: True


rule track_study:
    input:
        tables=expand("results/{{study}}/{name}", name=["table.parquet", "history.parquet", "study.json"]),
        code=source("smallbatch.tracking"),
    output:
        "results/{study}/mlflow.csv",
    log:
        "results/logs/{study}/track.log",
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    shell:
        "python -m smallbatch.tracking results/{wildcards.study} 2>&1 | tee {log} >&2"


rule track_report:
    input:
        runs="results/{study}/mlflow.csv",
        page="results/{study}/report.html",
        figures=lambda wildcards: figure_files(wildcards.study),
        code=source("smallbatch.tracking"),
    output:
        "results/{study}/mlflow-report.txt",
    log:
        "results/logs/{study}/track-report.log",
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    shell:
        "python -m smallbatch.tracking results/{wildcards.study} --report 2>&1 | tee {log} >&2"


rule track:
    input:
        expand("results/{study}/{name}", study=STUDIES, name=["mlflow.csv", "mlflow-report.txt"]),
    localrule: True
