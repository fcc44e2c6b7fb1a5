from typing import Literal

import pytest
from pydantic import Field, SecretStr, field_validator

from quietzone_kit.settings import CommaList, Setting, Settings, SettingsError, check, describe, load, only_for, setting, unknown


class BusSettings(Settings):
    bus_url: str = Field(description="Where events go")

    @field_validator("bus_url")
    @classmethod
    def _scheme(cls, value: str) -> str:
        if not value.startswith("sqlite://"):
            raise ValueError("no such scheme; use sqlite:///path")
        return value


class EdgeSettings(BusSettings):
    flush_interval_ms: int = Field(50, ge=1, le=1000, description="How much of the spool a power cut may take")
    scan_ack: Literal["spool", "disk"] = Field("spool", description="When a scan counts as accepted")
    api_key: SecretStr | None = Field(None, min_length=32, description="The key")
    proxies: CommaList = Field((), description="Who may say where a client comes from")
    verbose: bool = Field(False, description="Whether to talk")


def problems(environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        check([EdgeSettings], environ)
    return caught.value.problems


def test_everything_that_is_wrong_is_said_in_one_message() -> None:
    with pytest.raises(SettingsError) as caught:
        check(
            [EdgeSettings],
            {"QUIETZONE_FLUSH_INTERVAL_MS": "0", "QUIETZONE_SCAN_ACK": "never", "QUIETZONE_VERBOSE": "maybe", "QUIETZONE_BUS_ULR": "x"},
        )

    assert str(caught.value).splitlines() == [
        "5 settings are wrong:",
        "  QUIETZONE_BUS_URL: not set; it takes a text. Where events go",
        "  QUIETZONE_FLUSH_INTERVAL_MS: '0' is not a whole number from 1 to 1000 (ms)",
        "  QUIETZONE_SCAN_ACK: 'never' is not one of spool, disk",
        "  QUIETZONE_VERBOSE: 'maybe' is not true or false",
        "  QUIETZONE_BUS_ULR: no such setting; did you mean QUIETZONE_BUS_URL?",
    ]


def test_a_validators_own_words_are_used() -> None:
    assert problems({"QUIETZONE_BUS_URL": "kafk://host"}) == ("QUIETZONE_BUS_URL: no such scheme; use sqlite:///path",)


def test_a_secret_is_not_shown_when_it_is_wrong() -> None:
    said = problems({"QUIETZONE_BUS_URL": "sqlite://", "QUIETZONE_API_KEY": "too-short"})

    assert said == ("QUIETZONE_API_KEY: its value is not a secret text of at least 32 characters",)


def test_a_password_in_a_url_is_not_shown() -> None:
    said = problems({"QUIETZONE_BUS_URL": "sqlite://", "QUIETZONE_SCAN_ACK": "kafka://user:pass@host"})

    assert said == ("QUIETZONE_SCAN_ACK: 'kafka://user:***@host' is not one of spool, disk",)


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load(EdgeSettings, {"QUIETZONE_BUS_URL": "sqlite://", "QUIETZONE_FLUSH_INTERVAL_MS": " "}).flush_interval_ms == 50


def test_a_list_is_separated_by_commas() -> None:
    assert load(EdgeSettings, {"QUIETZONE_BUS_URL": "sqlite://", "QUIETZONE_PROXIES": "10.0.0.1, ::1,"}).proxies == ("10.0.0.1", "::1")


def test_a_problem_of_two_classes_is_said_once() -> None:
    with pytest.raises(SettingsError) as caught:
        check([BusSettings, EdgeSettings], {})

    assert len(caught.value.problems) == 1


def test_what_kubernetes_tells_of_services_is_no_unknown_setting() -> None:
    links = {
        "QUIETZONE_QR_PORT": "tcp://10.96.0.11:9000",
        "QUIETZONE_QR_SERVICE_HOST": "10.96.0.11",
        "QUIETZONE_QR_SERVICE_PORT_GRPC": "9000",
        "QUIETZONE_QR_PORT_9000_TCP_ADDR": "10.96.0.11",
    }

    assert unknown([EdgeSettings], links) == []


def test_an_unknown_setting_far_from_all_names_points_to_the_list() -> None:
    assert unknown([BusSettings], {"QUIETZONE_MOON_PHASE": "full"}) == [
        "QUIETZONE_MOON_PHASE: no such setting; `quietzone settings` lists those that there are"
    ]


def test_what_somebody_else_knows_is_no_unknown_setting() -> None:
    others = {"QUIETZONE_QR_DOCUMENTS_URL", "QUIETZONE_QR_HEALTH"}

    assert unknown([BusSettings], {"QUIETZONE_QR_DOCUMENTS_URL": "sqlite://"}, elsewhere=others) == []


def test_a_slip_of_the_keys_in_somebody_elses_setting_is_told_with_its_name() -> None:
    assert unknown([BusSettings], {"QUIETZONE_QR_HAELTH": "true"}, elsewhere={"QUIETZONE_QR_HEALTH"}) == [
        "QUIETZONE_QR_HAELTH: no such setting; did you mean QUIETZONE_QR_HEALTH?"
    ]


def test_a_process_gets_no_settings_of_others() -> None:
    environ = {"PATH": "/bin", "QUIETZONE_BUS_URL": "sqlite://", "QUIETZONE_API_KEY": "secret"}

    assert only_for(BusSettings, environ) == {"PATH": "/bin", "QUIETZONE_BUS_URL": "sqlite://"}


def test_a_setting_is_described_with_type_default_unit_and_reason() -> None:
    described = {setting.name: setting for setting in describe(BusSettings, EdgeSettings)}

    assert described["QUIETZONE_FLUSH_INTERVAL_MS"] == Setting(
        name="QUIETZONE_FLUSH_INTERVAL_MS",
        type="a whole number from 1 to 1000",
        default="50",
        unit="ms",
        why="How much of the spool a power cut may take",
        required=False,
        secret=False,
    )


def test_each_setting_is_described_once() -> None:
    names = [setting.name for setting in describe(BusSettings, EdgeSettings)]

    assert names == [f"QUIETZONE_{name}" for name in ("BUS_URL", "FLUSH_INTERVAL_MS", "SCAN_ACK", "API_KEY", "PROXIES", "VERBOSE")]


def test_what_an_adapter_refuses_is_about_its_setting() -> None:
    with pytest.raises(SettingsError, match=r"^QUIETZONE_BUS_URL: no such scheme 'kafk'$"), setting("bus_url"):
        raise ValueError("no such scheme 'kafk'")
