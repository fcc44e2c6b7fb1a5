"""Templates can't run code, can't reach anything but what they are filled with, and end soon."""

import contextlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quietzone_notification.mail.templates.house import HOUSE, LAYOUT
from quietzone_notification.mail.templates.language import MAX_OUTPUT, CantRender, Compiled, InvalidTemplate

ROOTS = ("brand", "data", "subject")

ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ data['__cl' ~ 'ass__'] }}",
    "{{ data|attr('__class__') }}",
    "{{ data.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ self.__init__.__globals__.__builtins__ }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ url_for.__globals__ }}",
    "{{ config.items() }}",
    "{{ request.application.__globals__ }}",
    "{{ range(10) }}",
    "{{ dict(a=1) }}",
    "{{ data.items() }}",
    "{{ data.text.format(data) }}",
    "{{ '{0.__class__}'.format(data) }}",
    "{{ '{0.__class__}'.format_map(data) }}",
    "{{ '%s'|format(data) }}",
    "{{ '%(x)s' % data }}",
    "{{ [1].append(2) }}",
    "{{ data.update({'a': 1}) }}",
    "{{ ''|map('upper') }}",
    "{{ data|map(attribute='__class__')|list }}",
    "{{ data|groupby('__class__') }}",
    "{{ data|sum(attribute='__class__') }}",
    "{{ data|xmlattr }}",
    "{{ data|pprint }}",
    "{{ data.text|safe }}",
    "{{ ()|select('callable') }}",
    "{{ data is callable }}",
    "{{ data is filter('upper') }}",
    "{% set x = ''.__class__ %}{{ x }}",
    "{% set ns = data %}{% set ns.a = 1 %}",
    "{% import 'os' as os %}",
    "{% from 'x' import y %}",
    "{% include '/etc/passwd' %}",
    "{% include 'layout.html' %}",
    "{% extends 'layout.html' %}",
    "{% block a %}{% endblock %}",
    "{% macro m() %}{% endmacro %}",
    "{% call data() %}{% endcall %}",
    "{% filter upper %}{% endfilter %}",
    "{% with a = 1 %}{% endwith %}",
    "{% autoescape false %}{{ data.text }}{% endautoescape %}",
    "{% do data.pop() %}",
    "{% for a in data recursive %}{{ loop(a) }}{% endfor %}",
    "{% for a in data.list %}{{ loop.__init__.__globals__ }}{% endfor %}",
    "{% for a in data.list %}{{ loop._iterator }}{% endfor %}",
    "{% for a in data.list %}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for a in ().__class__.__base__.__subclasses__() %}{{ a }}{% endfor %}",
    "{{ 10 ** 10 ** 10 }}",
    "{{ 'a' * 10 ** 9 }}",
    "{{ [0] * 10 ** 9 }}",
    "{{ '%999999999d' % 1 }}",
    "{{ 'a'|center(999999999) }}",
    "{{ 'a'|indent(999999999) }}",
    "{{ lipsum(100000) }}",
    "{{ _budget }}",
    "{{ _budget.steps }}",
    "{{ data|_weighed }}",
    "{{ data.list|_counted(0) }}",
    "{{ data.text[0:1] }}",
    "{{ caller() }}",
    "{{ varargs }}",
    "{{ environment }}",
    "{{ loop }}",
    "{{ data.list|join(*data.list) }}",
    "{{ data.list|join(**data) }}",
    "{% for _ in data.list %}{{ _ }}{% endfor %}",
    "{% trans %}a{% endtrans %}",
    "{% debug %}",
    "{% unknown %}",
    "{{",
    "{% if data %}",
]


def filled(source: str, *, is_html: bool = False, **data: object) -> str:
    return Compiled(source, is_html=is_html, most=32_768, roots=ROOTS).render({"data": data, "brand": {}, "subject": ""})


@pytest.mark.parametrize("source", ESCAPES)
def test_a_way_out_of_the_sandbox_is_none(source: str) -> None:
    with pytest.raises((InvalidTemplate, CantRender), match=r"^line \d+: \S"):
        filled(source, text="text", list=[1, 2])


@pytest.mark.parametrize("name", ["items", "keys", "pop", "update", "__class__", "format"])
def test_a_name_leads_into_data_even_where_python_has_something_of_that_name(name: str) -> None:
    assert filled(f"{{{{ data.{name} }}}}", **{name: "mine"}) == "mine"


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("a\nb\n{{ nobody }}", 3, "nothing is called 'nobody'"),
        ("a\n{% if data.x %}", 2, "Unexpected end of template"),
        ("a\n\n{{ data|frobnicate }}", 3, "no filter 'frobnicate'"),
        ("{{ data is frobnicated }}", 1, "no test 'frobnicated'"),
        ("\n{{ 1 + 1 }}", 2, "Add isn't in the language"),
        (
            "{% for a in data %}{% for b in a %}{% for c in b %}{% for d in c %}{% endfor %}{% endfor %}{% endfor %}{% endfor %}",
            1,
            "3 loops",
        ),
    ],
)
def test_what_is_wrong_with_a_template_is_said_with_its_line(source: str, line: int, said: str) -> None:
    with pytest.raises(InvalidTemplate) as refused:
        filled(source)

    assert str(refused.value).startswith(f"line {line}: ")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("a\n{{ data.x }}", 2, "there is no 'x' in it"),
        ("a\nb\n{{ data.x.y }}", 3, "there is no 'x' in it"),
        ("{% for a in data.text %}{% endfor %}", 1, "use data.x|items"),
        ("\n{{ data.number|upper }}", 2, "for texts"),
        ("{{ data.list[7] }}", 1, "there is no '7' in it"),
        ("{{ data.number < data.text }}", 1, "not supported between"),
    ],
)
def test_what_a_template_can_t_be_filled_with_is_said_with_its_line(source: str, line: int, said: str) -> None:
    with pytest.raises(CantRender) as refused:
        filled(source, text="text", number=1, list=[1])

    assert str(refused.value).startswith(f"line {line}: ")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("source", "is_now"),
    [
        ("{{ data.code.title }} and {{ data['code']['title'] }}", "Menu and Menu"),
        (
            "{% for name, value in data.code|items %}{{ name }}={{ value }}{% if not loop.last %}, {% endif %}{% endfor %}",
            "title=Menu, scans=1200",
        ),
        ("{{ data.missing|default('none') }} {{ data.nothing|default('none') }}", "none none"),
        ("{% if data.code.scans >= 1000 and data.tags|length == 2 %}many{% else %}few{% endif %}", "many"),
        ("{% for tag in data.tags if tag != 'a' %}{{ loop.index }}{{ tag }}{% else %}none{% endfor %}", "1b"),
        ("{{ data.code.scans|number }} {{ data.share|number(1) }}", "1,200 0.5"),
        ("{{ data.tags|join(' ') }} {{ data.tags|first }} {{ data.tags|last }} {{ data.tags[-1] }}", "a b a b b"),
        ("{{ data.code.title|upper|lower|truncate(3) }}", "me…"),
        ("{{ data.code.title|urlencode }} {{ '/?&'|urlencode }}", "Menu %2F%3F%26"),
        ("{% if data.x is defined %}x{% elif data.code is mapping %}y{% endif %}", "y"),
        ("{% if 'a' in data.tags %}yes{% endif %}", "yes"),
        ("{{ 'many' if data.code.scans > 10 else 'few' }}", "many"),
        ("{% for line in 'a\nb'|lines %}[{{ line|trim }}]{% endfor %}", "[a][b]"),
        ("{{ data.tags|json }}", '[\n  "a",\n  "b"\n]'),
    ],
)
def test_what_the_language_has(source: str, is_now: str) -> None:
    assert filled(source, code={"title": "Menu", "scans": 1200}, tags=["a", "b"], share=0.5, nothing=None) == is_now


@pytest.mark.parametrize("text", ["<script>", '"><img src=x onerror=1>', "&x", "'"])
def test_what_is_filled_into_html_is_escaped(text: str) -> None:
    page = filled("<p>{{ data.text }}</p>{{ data.text|upper }}{{ data.list|join(data.text) }}", is_html=True, text=text, list=["a", "b"])

    assert text not in page
    assert text.upper() not in page


@given(st.text(max_size=100))
@settings(deadline=None)
def test_no_text_in_data_is_taken_for_a_template(text: str) -> None:
    assert filled("{{ data.text }}", text=text + "{{ 7 * 7 }}{% include 'x' %}") == text + "{{ 7 * 7 }}{% include 'x' %}"


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in data.many %}{% for b in data.many %}{% for c in data.many %}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in data.many %}{% for b in data.many %}{{ a }}{% endfor %}{% endfor %}",
        "{% for a in data.many %}{% if data.large == data.larger %}{% endif %}{% endfor %}",
        "{% for a in data.many %}{% if 'y' in data.large %}{% endif %}{% endfor %}",
        "{% for a in data.many %}{% if data.large|upper %}{% endif %}{% endfor %}",
        "{% for a in data.many %}{% if data.texts|join(data.large) %}{% endif %}{% endfor %}",
        "{{ data.many|join(data.large)|length }}",
        "{% for a in data.many %}{% if data|json %}{% endif %}{% endfor %}",
        "{% for a in data.many %}{% if data.large|urlencode %}{% endif %}{% endfor %}",
        "{% for a in data.many %}" + "{% if a %}{% endif %}" * 600 + "{% endfor %}",
        "{{ data.large }}{{ data.large }}{{ data.large }}{{ data.large }}{{ data.large }}",
        "{% for a in data.many %}{{ data.large }}{% endfor %}",
    ],
)
def test_a_template_that_would_take_long_or_become_large_ends_soon(source: str) -> None:
    template = Compiled(source, is_html=False, most=32_768, roots=ROOTS)
    large = "x" * 60_000
    began = time.process_time()

    with pytest.raises(CantRender, match=r"steps|long"):
        template.render({"data": {"many": list(range(1, 20_001)), "large": large, "larger": large[1:] + "x", "texts": [large] * 3}})
    assert time.process_time() - began < 2.0


@pytest.mark.parametrize(
    "source",
    [
        "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
        "{{ " + "not " * 5_000 + "1 }}",
        "{{ data" + ".a" * 5_000 + " }}",
        "{{ 1" + " and 1" * 3_000 + " }}",
        "{{ " + "[" * 5_000 + "]" * 5_000 + " }}",
        "{% if data %}" * 100 + "{% endif %}" * 100,
        "{{ data.a }}" * 2_000,
        "{{ data" + "|upper" * 1_000 + " }}",
        "{% if data %}{% elif data %}" + "{% elif data %}" * 1_500 + "{% endif %}",
    ],
)
def test_a_template_that_is_too_deep_or_too_long_is_refused_soon(source: str) -> None:
    began = time.process_time()

    with pytest.raises(InvalidTemplate):
        filled(source)
    assert time.process_time() - began < 2.0


def test_a_long_mail_that_people_would_send_takes_few_steps() -> None:
    rows = [{f"field {n}": n for n in range(10)} for _ in range(1_000)]

    assert (
        len(filled("{% for row in data.rows %}{% for k, v in row|items %}{{ k }}: {{ v }}\n{% endfor %}{% endfor %}", rows=rows))
        < MAX_OUTPUT
    )


@pytest.mark.parametrize("name", HOUSE)
def test_the_house_s_own_templates_are_of_the_same_language(name: str) -> None:
    for source, is_html in zip(HOUSE[name], (False, False, True), strict=True):
        Compiled(source, is_html=is_html, most=32_768, roots=("brand", "data"))


@pytest.mark.parametrize("place", LAYOUT)
def test_the_layout_is_of_the_same_language(place: str) -> None:
    Compiled(LAYOUT[place], is_html=place == "html", most=32_768, roots=("brand", "subject", "unsubscribe_url", "content"))


@given(st.text(alphabet="{}%|.'\"[]()_-+*~ \nabdefginorstwx0159", max_size=60))
@settings(deadline=None, max_examples=300)
def test_whatever_is_written_as_a_template_is_text_or_refused(source: str) -> None:
    with contextlib.suppress(InvalidTemplate, CantRender):
        filled("{{ data.text }}" + source, text="")
