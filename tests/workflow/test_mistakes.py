"""A user's mistakes end in one sentence, before any job starts."""

import pytest

pytestmark = pytest.mark.slow

MISTAKES = {
    "an unknown study": ({"study": "digitz"}, "study: there is no study 'digitz'; did you mean digits?"),
    "an unknown setting": ({"studdy": "x"}, "--config studdy: there is no such setting"),
    "a folder that isn't there": ({"conf": "nowhere"}, "--config conf=nowhere: there is no such folder"),
    "an unknown key": (
        {"hydra": "grid.bathc_size=[2]"},
        "grid.bathc_size: there is no such key; did you mean batch_size?",
    ),
    "a wrong type": (
        {"hydra": "grid.seeds=many"},
        "grid.seeds: value 'many' of type 'str' could not be converted to Integer",
    ),
    "a batch size of 0": ({"hydra": "grid.batch_size=[0]"}, "grid.batch_size: 0 is not a batch size; write 1 or more"),
    "a BN batch that doesn't divide m": ({"hydra": "grid.norm=[bn:3]"}, "grid.norm: bn:3 does not divide batch size 8"),
    "an empty grid": ({"hydra": "grid.base_lr=[]"}, "grid.base_lr: the list is empty; give it at least one value"),
    "a duplicate": (
        {"hydra": "grid.base_lr=[0.5,2**-1]"},
        "grid.base_lr: the same rate stands there twice; remove one",
    ),
    "no number for partial": ({"partial": "perhaps"}, "--config partial=perhaps: write true or false"),
    "a batch size above the training set": (
        {"hydra": "grid.batch_size=[2048]"},
        "grid.batch_size: 2048 is more than the 1,024 training images",
    ),
    "a number for a list": ({"hydra": "grid.batch_size=8"}, "write a list, for example grid.batch_size=[8]"),
    "an open quotation mark": ({"hydra": "grid.seeds='3"}, "a quotation mark is missing"),
    "no name": ({"study": ""}, "--config study=: write the name of a study"),
    "a target without a module": ({"hydra": "model._target_=foo"}, "_target_: 'foo' is no dotted name"),
    "an unknown group": ({"hydra": "model=alexnett"}, "model: there is no model 'alexnett' (known: conv"),
    "a weight decay that is no number": (
        {"hydra": "optimizer.weight_decay=nan"},
        "optimizer.weight_decay: nan must be 0",
    ),
    "an epoch before the first": ({"hydra": "evaluation.epochs=[-3]"}, "evaluation.epochs: -3 is not an epoch"),
    "an unreadable override": ({"hydra": "grid.batch_size=[2"}, "an override cannot be read"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_sentence(reported, mistake):
    config, sentence = MISTAKES[mistake]
    run = reported.snakemake("-n", check=False, **config)
    assert run.status == 1
    assert sentence in run.error
    assert "Traceback" not in run.output and "Job stats" not in run.output


def test_a_mistake_in_a_file_names_the_file(reported, tmp_path):
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "mine.yaml").write_text("# @package _global_\ngrid:\n  batch_sizes: [2]\n")
    run = reported.snakemake("-n", check=False, study="mine", conf=str(tmp_path))
    assert "study/mine.yaml: grid.batch_sizes: there is no such key; did you mean batch_size?" in run.error


def test_mistakes_in_files_are_named(reported, tmp_path):
    for name, text, sentence in (
        ("bad", "# @package _global_\ngrid:\n  seeds 5\n  x: [\n", "study/bad.yaml, line 4: not valid YAML"),
        (
            "nopackage",
            "defaults:\n  - override /dataset: digits\n",
            "first line of its file must be '# @package _global_'",
        ),
    ):
        (tmp_path / "study").mkdir(exist_ok=True)
        (tmp_path / "study" / f"{name}.yaml").write_text(text)
        assert sentence in reported.snakemake("-n", check=False, study=name, conf=str(tmp_path)).error
    (tmp_path / "study" / "digits.yaml").write_text("# @package _global_\n")
    assert (
        "the project has a study of that name already"
        in reported.snakemake("-n", check=False, study="digits", conf=str(tmp_path)).error
    )


def test_training_by_hand_says_the_same(reported):
    for arguments, sentence in (
        (["study=digitz"], "study: there is no study 'digitz'"),
        (["grid.batch_size=[0]"], "grid.batch_size: 0 is not a batch size"),
        (["jobs"], "jobs: neither a plan file"),
        (["results/plan/none.json"], "results/plan/none.json: not a readable plan file"),
    ):
        run = reported.python("-m", "smallbatch.train", *arguments, check=False)
        assert run.status == 1 and sentence in run.error and "Traceback" not in run.output


def test_hydras_help_and_cfg_are_useful(reported):
    shown = reported.python("-m", "smallbatch.train", "study=digits", "grid.seeds=3", "--cfg", "job")
    assert "seeds: 3" in shown.output and "batch_size:\n  - 2" in shown.output
    assert "python -m smallbatch.train study=digits" in reported.python("-m", "smallbatch.train", "--help").output
