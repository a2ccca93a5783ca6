# All figures of a study in one process, which draws those that are out of date: importing seaborn takes longer than
# drawing does. `results/drawn/` keeps what was drawn (src/smallbatch/figures/draw.py).
rule draw:
    input:
        tables=expand("results/{{study}}/{name}", name=TABLES_OF_FIGURES),
        code=source("smallbatch.figures", *[f"smallbatch.figures.{name}" for name in FIGURES]),
    output:
        figures=report(
            directory("results/{study}/figures"),
            patterns=["{figure}.svg"],
            caption="../report/figure.rst",
            category="Study {study}",
            labels=title_of_figure,
        ),
        list="results/{study}/figures.json",
    log:
        "results/logs/{study}/figures.log",
    localrule: True
    conda:
        "../../environment.yml"
    threads: 4
    resources:
        mem_mb=2000,
        runtime=10,
    shell:
        "python -m smallbatch.figures results/{wildcards.study} --processes {threads} > {log} 2>&1"


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
        figures="results/{study}/figures.json",
        runs=tracked_runs,
        code=source("smallbatch.report"),
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
        "python -m smallbatch.report results/{wildcards.study} > {log} 2>&1"


rule figures:
    input:
        expand("results/{study}/figures.json", study=STUDIES),
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
        figures="results/{study}/figures.json",
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
