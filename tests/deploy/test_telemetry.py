"""Alerts and the dashboard ask for figures that Mynah really tells, with labels that they really have."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mynah.telemetry.figures import Figures
from mynah.telemetry.problems import problems_counted

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "monitoring"
COMPOSE = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text("utf-8"))
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))["groups"] for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
FROM_PROMETHEUS = {"process", "job", "le"}
"""Labels that the scraping or a histogram adds."""


def asked() -> Iterator[str]:
    for rule in RULES:
        yield rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield target["expr"]


def labels() -> dict[str, set[str]]:
    """The labels of each figure, by the name under which Prometheus finds it."""
    told: dict[str, set[str]] = {}
    for figure in vars(Figures()).values():
        if hasattr(figure, "_labelnames"):
            for end in ("", "_total", "_bucket", "_sum", "_count"):
                told[figure._name + end] = set(figure._labelnames)
    return told


@pytest.mark.parametrize("expression", list(asked()))
def test_every_figure_that_is_asked_for_is_told(expression: str) -> None:
    found = set(re.findall(r"\b(?:mynah|process)_\w+", expression)) - {"process"}
    assert found or expression.startswith("up{")
    assert found <= Figures().names() | {"process_resident_memory_bytes"}


@pytest.mark.parametrize("expression", list(asked()))
def test_every_label_that_is_asked_for_is_there(expression: str) -> None:
    [*figures] = set(re.findall(r"\bmynah_\w+", expression))
    known = FROM_PROMETHEUS.union(*(labels()[figure] for figure in figures)) if figures else FROM_PROMETHEUS
    grouped = {
        label.strip() for group in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression) for label in group.split(",")
    }
    matched = set(re.findall(r"[{,]\s*(\w+)\s*[=!]", expression))
    assert grouped | matched <= known


def test_every_figure_of_ours_is_on_the_dashboard() -> None:
    on_it = " ".join(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"])
    missing = {
        name
        for name in Figures().names()
        if name.startswith("mynah_") and not name.endswith(("_created", "_sum", "_count")) and name not in on_it
    }
    assert missing == set()


def test_legends_name_labels_that_their_figure_has() -> None:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            for label in re.findall(r"{{(\w+)}}", target["legendFormat"]):
                assert label in target["expr"] or label in FROM_PROMETHEUS, panel["title"]


def test_an_alert_says_how_bad_it_is_and_what_to_do() -> None:
    titles = re.findall(r"^## (.+)$", (ROOT / "deploy" / "runbook.md").read_text("utf-8"), re.MULTILINE)
    for rule in RULES:
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]
        named = re.match(r"runbook\.md: ([^.]+)\.", rule["annotations"]["runbook"])
        if named is not None:
            assert any(named[1].lower() in title.lower() or title.lower() in named[1].lower() for title in titles), (
                named[1]
            )


def test_events_that_an_alert_counts_are_logged() -> None:
    source = "".join(path.read_text("utf-8") for path in (ROOT / "storage").rglob("*.py"))
    events = re.findall(r'event="([^"]+)"', " ".join(asked()))
    assert events
    for event in events:
        assert f'logger.warning("{event}"' in source


def test_events_that_an_alert_counts_are_told_before_the_first_happens() -> None:
    figures = Figures()
    with problems_counted(figures):
        told = figures.text().decode()
    for event in re.findall(r'event="([^"]+)"', " ".join(asked())):
        assert f'mynah_problems_total{{event="{event}",level="warning"}} 0.0' in told


def test_prometheus_asks_where_compose_lets_them_listen() -> None:
    told = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))
    [job] = told["scrape_configs"]
    settings = COMPOSE["services"]["bot"]["environment"]
    assert {target for one in job["static_configs"] for target in one["targets"]} == {
        f"bot:{settings['MYNAH_TELEMETRY__BOT_PORT']}",
        f"trainer:{settings['MYNAH_TELEMETRY__TRAINER_PORT']}",
    }
    assert COMPOSE["services"]["trainer"]["environment"]["MYNAH_TELEMETRY__HOST"] == "0.0.0.0"  # noqa: S104
    assert all((FOLDER / name).is_file() for name in told["rule_files"])


def test_what_compose_mounts_is_there() -> None:
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            if source.startswith("./"):
                assert (ROOT / "deploy" / source).is_file()
                assert volume.endswith(":ro")
            else:
                assert source in COMPOSE["volumes"]


def test_the_dashboard_finds_its_data() -> None:
    [source] = yaml.safe_load((FOLDER / "datasource.yaml").read_text("utf-8"))["datasources"]
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} == {source["uid"]}
    [provider] = yaml.safe_load((FOLDER / "dashboards.yaml").read_text("utf-8"))["providers"]
    mounted = [volume.split(":")[1] for volume in COMPOSE["services"]["grafana"]["volumes"]]
    assert f"{provider['options']['path']}/dashboard.json" in mounted
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_nothing_that_watches_is_open_to_the_network() -> None:
    for service in COMPOSE["services"].values():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")
