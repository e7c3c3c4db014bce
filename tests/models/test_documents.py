"""Documents become articles: markup, pages, and long ones in parts."""

import io
import re
from collections.abc import Sequence
from pathlib import Path

import pypdf
import pytest
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from engine.errors import Invalid
from engine.ports.knowledge import MOST_BYTES
from models.articles import HEADING, LONGEST_NAME, heading_text, slug
from models.documents import load_folder, read_document

MANUAL = Path(__file__).parents[1] / "data" / "knowledge" / "manual.pdf"
"""Three pages that Chromium printed, with a line at the foot of each."""


def test_a_page_is_its_content_without_what_stands_around_it() -> None:
    page = """<html lang="es-MX"><head><title>Ayuda | Tienda</title><style>p{}</style></head><body><nav>Inicio</nav>
      <main><h1>Devoluciones</h1><p>Puede devolver en <b>30 días</b>.</p><p hidden>borrador</p>
      <ul><li>Con recibo</li><li><a href="x">Sin uso</a></li></ul>
      <table><tr><th>Plan</th><th>Cargo</th></tr><tr><td>A</td><td>10</td></tr></table></main>
      <footer>Aviso legal</footer><script>alert(1)</script></body></html>"""
    (article,) = read_document("devoluciones.html", page.encode())
    assert (article.article, article.title, article.language) == ("devoluciones", "Devoluciones", "es")
    assert article.body.split("\n\n") == [
        "# Devoluciones",
        "Puede devolver en **30 días**.",
        "- Con recibo\n- Sin uso",
        "| Plan | Cargo |\n| --- | --- |\n| A | 10 |",
    ]


def test_a_form_around_the_whole_page_is_the_page_and_one_in_it_is_none() -> None:
    search = "<form><label>Buscar</label><input><button>Ir</button></form>"
    page = f"<body><header>Sitio</header><p>Tiene treinta días para devolver.</p>{search}</body>"
    around = f"<form id='aspnetForm'><input type='hidden'><label>Idioma</label>{page}</form>"
    for html in (page, f"<body>{around}</body>"):
        (article,) = read_document("plazos.html", html.encode())
        assert article.body == "Tiene treinta días para devolver."


def test_an_articles_own_header_and_hints_are_its_own() -> None:
    page = """<title>Devoluciones – Ayuda – Tienda SA</title><header><h1>Tienda SA</h1></header><aside>Oferta</aside>
      <article><header><h1>Devoluciones</h1></header><p>Treinta días.</p><aside>Guarde el recibo.</aside>
      <footer>Por Ana</footer></article>"""
    (article,) = read_document("a.html", page.encode())
    assert article.title == "Devoluciones"
    assert "Guarde el recibo." in article.body
    assert not re.search("Tienda|Oferta|Ana", article.body)


def test_a_page_says_its_own_charset() -> None:
    page = '<meta charset="iso-8859-1"><h1>Suspensión</h1><p>Hasta tres meses al año.</p>'.encode("latin-1")
    assert read_document("a.htm", page)[0].title == "Suspensión"


def test_a_manual_is_parted_at_what_is_set_large() -> None:
    articles = read_document("manual.pdf", MANUAL.read_bytes())
    assert [(one.article, one.title.removeprefix("Manual de atención – ")) for one in articles] == [
        ("manual-devoluciones-y-cambios", "Devoluciones y cambios"),
        ("manual-cambio-de-titular", "Cambio de titular"),
        ("manual-suspension-temporal-del-servicio", "Suspensión temporal del servicio"),
        ("manual-reconexion-despues-de-un-corte-por-falta-de-pago", "Reconexión después de un corte por falta de pago"),
        ("manual-portabilidad-a-otra-compania", "Portabilidad a otra compañía"),
        ("manual-apoyo-para-personas-sordas", "Apoyo para personas sordas"),
        ("manual-horarios-y-contactos-internos", "Horarios y contactos internos"),
    ]
    assert all(one.title.startswith("Manual de atención – ") for one in articles)
    assert {one.language for one in articles} == {"es"}
    assert articles[1].body.startswith(
        "# Manual de atención\n\n## Cambio de titular\n\nEl cambio de titular se pide por"
    )
    assert articles[1].body.endswith("sigue recibiendo los avisos por correo.")  # from the next page
    assert not any("uso interno" in one.body for one in articles)


def test_parts_of_one_name_are_told_apart_and_long_text_without_headings_is_parted_too() -> None:
    section = "<h2>Pagos</h2>" + "<p>" + "Se paga en la tienda o en línea, antes del día diez. " * 30 + "</p>"
    parts = read_document("guia.html", f"<h1>Guía</h1>{section * 3}".encode())
    assert [one.article for one in parts] == ["guia-pagos", "guia-pagos-2", "guia-pagos-3"]
    plain = "".join(f"<p>{f'Regla {number}: se aplica sin excepción a todos. ' * 20}</p>" for number in range(9))
    parts = read_document("reglas.html", plain.encode())
    assert len(parts) > 3
    assert len({one.article for one in parts}) == len(parts)
    assert all(len(one.body) < 3_000 for one in parts)
    assert "Regla 8" in parts[-1].body


def test_a_heading_with_a_number_of_its_own_takes_no_other_parts_name() -> None:
    long = "y" * 110
    headings = ["Paso", "Paso", "Paso 2", "Paso", f"{long}a", f"{long}b"]
    page = "<h1>Guía</h1>" + "".join(f"<h2>{heading}</h2><p>{LONG}</p>" for heading in headings)
    names = [one.article for one in read_document("g.html", page.encode())]
    assert names[:4] == ["g-paso", "g-paso-2", "g-paso-2-2", "g-paso-3"]
    assert len(set(names)) == len(headings)
    assert max(map(len, names)) <= LONGEST_NAME


SHORT = "Tiene 14 días desde la entrega; los gastos de envío corren por su cuenta."
LONG = "Se paga en la tienda o en línea, antes del día diez. " * 40


@pytest.mark.parametrize(
    ("page", "beside"),
    [
        (f"<h1>Guía</h1><p>{SHORT}</p><h2>Cómo</h2><p>{LONG}</p><h2>Dónde</h2><p>{LONG}</p>", "Guía – Cómo"),
        (f"<p>{SHORT}</p><h2>Cómo</h2><p>{LONG}</p><h2>Dónde</h2><p>{LONG}</p>", "Cómo"),
        (f"<h2>Cómo</h2><p>{LONG}</p><h1>Envío</h1><p>{SHORT}</p><h2>Dónde</h2><p>{LONG}</p>", "Envío – Dónde"),
        (f"<h2>Cómo</h2><p>{LONG}</p><h2>Dónde</h2><p>{LONG}</p><h1>Guía</h1><p>{SHORT}</p>", "Guía"),
        (f"<h1>Guía</h1><p>{SHORT}</p><h2>Cómo</h2><p>{LONG}</p><p>{LONG}</p><h2>Dónde</h2><p>{LONG}</p>", "Guía"),
    ],
)
def test_words_that_are_too_few_for_an_article_stand_before_the_next(page: str, beside: str) -> None:
    parts = read_document("guia.html", page.encode())
    (part,) = (one for one in parts if SHORT in one.body)
    assert part.title == beside
    assert sum(one.body.count("antes del día diez.") for one in parts) == page.count("antes del día diez.")


RULES = [f"Regla {number} se aplica a todos sin excepción." for number in range(200)]
LINES, SENTENCES = "<br>".join(RULES), " ".join(RULES)


@pytest.mark.parametrize(
    "text",
    [
        LINES,
        SENTENCES,
        SENTENCES.replace(".", ""),
        "palabra" * 2_000,
        "<br>".join([RULES[0], "palabra" * 1_000, *RULES]),
    ],
)
def test_text_in_one_piece_is_parted_too_and_nothing_of_it_lost(text: str) -> None:
    parts = read_document("reglas.html", f"<h1>Reglas</h1><p>{text}</p>".encode())
    assert max(len(one.body) for one in parts) <= 2_300
    words = "".join("".join(one.body.removeprefix("# Reglas").split()) for one in parts)
    assert words == "".join(text.replace("<br>", "").split())
    if text in (LINES, SENTENCES):
        assert all(one.body.endswith(".") for one in parts)


def test_each_part_of_a_long_table_has_its_head() -> None:
    rows = "".join(f"<tr><td>Plan {number}</td><td>{number} al mes</td></tr>" for number in range(400))
    table = f"<table><tr><th>Plan</th><th>Cargo</th></tr>{rows}</table>"
    parts = read_document("tarifas.html", f"<h1>Tarifas</h1><p>Al mes:</p>{table}<p>Con impuestos.</p>".encode())
    assert max(len(one.body) for one in parts) <= 2_300
    assert all(one.body.count("| Plan | Cargo |\n| --- | --- |\n| Plan ") == 1 for one in parts)
    assert [sum(one.body.count(f"| Plan {number} |") for one in parts) for number in range(400)] == [1] * 400
    assert parts[0].body.startswith("# Tarifas\n\nAl mes:\n\n| Plan | Cargo |")
    assert parts[-1].body.endswith("Con impuestos.")


@pytest.mark.parametrize(
    "page",
    [
        f"<p>{' '.join(RULES)}</p><h2>Cómo</h2><p>{LONG}</p><h2>Dónde</h2><p>{LONG}</p>",
        f"<h1>Guía</h1>{'<h2>Paso</h2>' * 600}<p>{SHORT}</p>",
    ],
)
def test_no_part_is_longer_than_a_card(page: str) -> None:
    assert max(len(one.body) for one in read_document("guia.html", page.encode())) <= 3_000


PLAN = f"<h3>Costo</h3><p>{LONG}</p><h3>Permanencia</h3><p>{LONG}</p>"
TWO = f"<h3>Oro</h3><p>{LONG}</p><h3>Plata</h3><p>{LONG}</p>"


@pytest.mark.parametrize(
    ("page", "titles"),
    [
        (
            f"<h1>Planes</h1><h2>Plan Oro</h2>{PLAN}<h2>Plan Plata</h2>{PLAN}",
            [f"Planes – Plan {plan} – {what}" for plan in ("Oro", "Plata") for what in ("Costo", "Permanencia")],
        ),
        (f"<h1>Guía</h1><h2>Planes</h2>{TWO}", ["Guía – Planes – Oro", "Guía – Planes – Plata"]),
        (f"<title>Guía</title>{TWO}", ["Guía – Oro", "Guía – Plata"]),
        (TWO, ["Oro", "Plata"]),
        (TWO.replace("h3>", "h1>"), ["Oro", "Plata"]),
        (f"<h1>{'g' * 100}</h1><h2>{'c' * 100}</h2>{TWO}", [f"{'g' * 100} – Oro", f"{'g' * 100} – Plata"]),
        (f"<h1>{'g' * 199}</h1>{TWO}", ["Oro", "Plata"]),
        ("<h1>Guía</h1><h2>Planes</h2><p>Oro y plata.</p>", ["Guía"]),
        (
            f"<h1>Saldo *611#</h1><h2>Marque *611#</h2><p>{LONG}</p><h2><b>El</b> plan_b</h2><p>{LONG}</p>",
            ["Saldo *611# – Marque *611#", "Saldo *611# – El plan_b"],
        ),
    ],
)
def test_a_part_says_what_it_stands_under(page: str, titles: list[str]) -> None:
    assert [one.title for one in read_document("guia.html", page.encode())] == titles


def test_a_part_is_found_by_the_headings_that_it_stands_under() -> None:
    page = f"<h1>Planes</h1><h2>Plan Oro</h2>{PLAN}<h2>Plan Plata</h2>{PLAN}"
    parts = read_document("planes.html", page.encode())
    headings = [[heading_text(mark[1]) for mark in HEADING.finditer(one.body)] for one in parts]
    assert [" – ".join(one) for one in headings] == [one.title for one in parts]


def blank(password: str = "") -> bytes:
    writer = pypdf.PdfWriter()
    writer.add_blank_page(200, 200)
    if password:
        writer.encrypt(password)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def printed(pages: Sequence[Sequence[str]], title: str = "") -> bytes:
    """A PDF of such lines, all of one size."""
    writer = pypdf.PdfWriter()
    names = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica", "/Encoding": "/WinAnsiEncoding"}
    font = DictionaryObject({NameObject(name): NameObject(value) for name, value in names.items()})
    fonts = DictionaryObject({NameObject("/F1"): font})
    for lines in pages:
        page = writer.add_blank_page(300, 300)
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        shown = [f"BT /F1 10 Tf 1 0 0 1 20 {280 - 20 * at} Tm ({line}) Tj ET" for at, line in enumerate(lines)]
        content = DecodedStreamObject()
        content.set_data("\n".join(shown).encode("latin-1"))
        page[NameObject("/Contents")] = writer._add_object(content)
    writer.add_metadata({"/Title": title})
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_of_what_is_no_letter_nothing_is_left() -> None:
    (article,) = read_document("a.pdf", printed([["El plan b\\000\\001sico."]], "Plan \x01"))
    assert (article.title, article.body) == ("Plan", "El plan bsico.")


WORDS = ("uno", "dos", "tres", "cuatro")


@pytest.mark.parametrize(
    ("first", "last", "kept"),
    [
        ([f"Plan {word}" for word in WORDS], [f"Precio: $ {price}.900" for price in (49, 59, 79, 99)], True),
        ([f"Plan {word}" for word in WORDS], [f"Vence el {day} de enero" for day in (10, 20, 25, 31)], True),
        (["Manual de uso"] * 4, [f"Página {at} de 4" for at in (1, 2, 3, 4)], False),
        ([f"Manual 2024 / {at}" for at in (11, 12, 13, 14)], [f"{at}" for at in (11, 12, 13, 14)], False),
    ],
)
def test_what_stands_on_every_page_is_left_out_and_what_differs_is_not(
    first: list[str], last: list[str], kept: bool
) -> None:
    pages = [[one, f"El texto {word} es otro.", two] for one, word, two in zip(first, WORDS, last, strict=True)]
    (article,) = read_document("planes.pdf", printed(pages))
    assert [one in article.body for one in (*first, *last)] == [kept] * 8
    assert all(f"El texto {word} es otro." in article.body for word in WORDS)


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("Planes_2026 para *611", "Planes_2026 para *611"),
        ("Microsoft Word - Manual_v3.docx", "planes"),
        ("Presentación de PowerPoint", "planes"),
        ("Untitled-1", "planes"),
        ("", "planes"),
    ],
)
def test_what_programs_write_for_a_title_is_none(title: str, shown: str) -> None:
    (article,) = read_document("planes.pdf", printed([["El plan básico no cuesta nada."]], title))
    assert article.title == shown


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.pdf", b"%PDF-1.7\nno more of it", "not a readable PDF"),
        ("a.pdf", MANUAL.read_bytes()[:20_000], "not a readable PDF|no text"),
        ("a.pdf", b"", "not a readable PDF"),
        ("a.pdf", blank(), "scanned"),
        ("a.pdf", blank("secreto"), "password"),
        ("a.html", b"<nav>Inicio</nav>", "no text"),
        ("a.html", b"<div>" * 20_000 + b"x", "nested|no text"),
        ("a.docx", b"PK", r"not one of \.md"),
        ("a", b"text", "not one of"),
        ("a.md", b"\xff\xfe", "not in UTF-8"),
        ("a.html", b" " * (MOST_BYTES + 1), "larger than 10 MB"),
        ("a.html", b"<p>" + b"palabra " * 130_000, "more than 1,000,000 characters"),
    ],
)
def test_what_is_no_document_is_refused_with_a_reason(name: str, data: bytes, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        read_document(name, data)


def test_a_folder_may_hold_all_kinds(tmp_path: Path) -> None:
    (tmp_path / "Lost_card.md").write_text("# Lost card\n\nBlock it.\n")
    (tmp_path / "moving.html").write_text("<h1>Moving</h1><p>Tell us two weeks before.</p>")
    (tmp_path / "manual.pdf").write_bytes(MANUAL.read_bytes())
    (tmp_path / "notes.txt").write_text("not ours")
    names = [one.article for one in load_folder(tmp_path)]
    assert (names[0], names[-1], len(names)) == ("Lost_card", "moving", 9)  # a file's stem as it is
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-")
    with pytest.raises(Invalid, match=r"bad\.pdf: not a readable PDF"):
        load_folder(tmp_path)


def test_a_name_is_what_an_id_may_be() -> None:
    assert slug("Cómo reclamar: ¿qué hago?") == "como-reclamar-que-hago"
    assert slug("¿?") == "article"
