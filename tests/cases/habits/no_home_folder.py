"""A container whose user has no name and no home folder."""

from smallbatch.core.user_cache import remember, remembered

SOURCE = "h2oai/h2o-llmstudio#974"
OUTCOME = "trains"


def run(user):
    user.set("HOME", None)
    user.set("XDG_CACHE_HOME", None)
    user.without_name()
    remember("a", {"x": 1})
    assert remembered("a") == {"x": 1}
    assert user.path("results/.cache/smallbatch/a.json").is_file()
