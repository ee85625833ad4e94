"""What holds for the repository as a whole: its documents, its words, its pins."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOP_FOLDERS = ("pipeline", "collectors", "rules", "mibs", "dashboards", "tests")


def tracked() -> list[Path]:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()] or [
        p for p in ROOT.rglob("*") if p.is_file() and ".venv" not in p.parts
    ]


def text_files() -> list[tuple[Path, str]]:
    found = []
    for path in tracked():
        data = path.read_bytes()
        if b"\0" not in data:
            found.append((path, data.decode(errors="replace")))
    return found


MARKDOWN = [path for path in tracked() if path.suffix == ".md"]


@pytest.mark.parametrize("path", MARKDOWN, ids=[str(path.relative_to(ROOT)) for path in MARKDOWN])
def test_links_lead_somewhere(path: Path) -> None:
    """Every relative link of every document names a file that exists."""
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text()):
        if "://" not in target and not target.startswith("mailto:"):
            assert (path.parent / target).exists(), f"{path.relative_to(ROOT)} links to {target}"


@pytest.mark.parametrize("folder", TOP_FOLDERS)
def test_each_top_folder_explains_itself(folder: str) -> None:
    """Docs stand next to the code."""
    readme = ROOT / folder / "README.md"
    assert len(readme.read_text().split()) > 60, f"{folder}/README.md says too little"


def test_the_readme_has_the_two_commands_and_ci_runs_the_test_command() -> None:
    """The root README is the way in, and what CI runs is what it says."""
    readme = (ROOT / "README.md").read_text()
    assert re.search(r"^\s*make demo\b", readme, re.MULTILINE)
    assert re.search(r"^\s*make test\b", readme, re.MULTILINE)
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_no_package_index_host_is_named() -> None:
    """Locks and files say what is installed, never from where."""
    hosts = re.compile(
        "|".join(("pypi" + r"\.org", "pythonhosted" + r"\.org", "registry" + r"\.npmjs", "repo1?" + r"\.maven", "index" + "-url"))
    )
    named = [str(path.relative_to(ROOT)) for path, text in text_files() if hosts.search(text)]
    assert named == []


def test_every_dependency_is_pinned_with_hashes() -> None:
    """Both locks pin each requirement by version and hash."""
    for lock in ("requirements.lock", "requirements-dev.lock"):
        entries = re.findall(r"^([A-Za-z0-9._-]+(?:\[[a-z,]+\])?)==(\S+)(.*(?:\n[ ]+.*)*)", (ROOT / lock).read_text(), re.MULTILINE)
        assert len(entries) > 40
        assert [name for name, _, rest in entries if "--hash=sha256:" not in rest] == []


def test_the_lock_covers_what_the_project_asks_for() -> None:
    """Each direct dependency of pyproject.toml is in the lock."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = {
        name.lower().replace("_", "-")
        for name in re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    }
    asked = {re.split(r"[\[<>=;~! ]", line)[0].lower() for line in project["dependencies"]}
    assert asked <= locked


NOT_OUR_WORDS = {
    r"\bSLA breach": "SLA violation",
    r"\bhigh-?water severity": "perceived severity",
    r"(?<!/v2/)\balert(s|ed|ing)?\b(?!manager)": "notification, event or alarm",
}


def test_the_glossary_holds() -> None:
    """The standard's words, once: none of the words that the glossary rules out in product code and documents."""
    found = []
    for path, text in text_files():
        relative = path.relative_to(ROOT)
        if relative.parts[0] in {"tests", "LICENSE"} or path.suffix not in {".py", ".md", ".yaml"} or relative.name == "docker-compose.yml":
            continue
        for pattern, instead in NOT_OUR_WORDS.items():
            for match in re.finditer(pattern, text, re.IGNORECASE):
                line = text.count("\n", 0, match.start()) + 1
                found.append(f"{relative}:{line}: '{match[0]}': say {instead}")
    assert found == []


def test_the_changelog_tells_of_this_version() -> None:
    """Keep-a-Changelog: an Unreleased or present version section with entries."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert f"## [{version}]" in changelog
    assert re.search(r"^### Added\n+- ", changelog, re.MULTILINE)
