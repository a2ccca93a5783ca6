rule download:
    input:
        plan=ancient("results/plan/{data}.data.json"),
    output:
        files="results/downloads/{data}.json",
    log:
        "results/logs/data/{data}.download.log",
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=120,
    shell:
        "python -m smallbatch.data.fetch {input.plan} {output.files} > {log} 2>&1"


rule data:
    input:
        plan=ancient("results/plan/{data}.data.json"),
        files=downloaded_files,
    output:
        about="results/data/{data}/about.json",
        images="results/data/{data}/images.npy",
        labels="results/data/{data}/labels.npy",
    log:
        "results/logs/data/{data}.log",
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    # After a failure the files are looked for again: another mirror may be named then.
    shell:
        "python -m smallbatch.data.prepare {input.plan} results/data/{wildcards.data} {input.files} > {log} 2>&1"
        " || {{ rm -f {input.files}; exit 1; }}"
