"""Articles are read with limits and cut into what is searched on its own."""

import time
from pathlib import Path

import pytest

from engine.errors import Invalid
from engine.ports.knowledge import LONGEST_QUESTION, LONGEST_TITLE, MOST_QUESTIONS
from models.articles import MAX_ARTICLE_BYTES, Article, decode_article, passages, sections, sentences, units
from models.documents import load_folder


def test_plain_markdown_is_an_article() -> None:
    article = decode_article("lost-card", b"## Lost card\n\nBlock the card at once.\n")
    assert (article.article, article.title, article.questions) == ("lost-card", "Lost card", ())


@pytest.mark.parametrize(
    ("heading", "title"),
    [
        ("**Cómo** pagar con `PSE`", "Cómo pagar con PSE"),
        ("*Cómo* **pagar**", "Cómo pagar"),
        ("Saldo con \\*611# o \\*612#", "Saldo con *611# o *612#"),
        ("Saldo con *611# o *612#", "Saldo con *611# o *612#"),
        ("El campo plan\\_b, 2*3*4", "El campo plan_b, 2*3*4"),
        ("__Plan Oro__", "Plan Oro"),
        ("_Tarifas_ de _abril_", "Tarifas de abril"),
        ("_**Plano** Ouro_", "Plano Ouro"),
        ("**_Gold_ plan**", "Gold plan"),
        ("El campo plan_de_datos", "El campo plan_de_datos"),
        ("\\_plan\\_", "_plan_"),
    ],
)
def test_a_title_is_a_heading_s_words(heading: str, title: str) -> None:
    assert decode_article("a", f"# {heading}\n\nTexto.".encode()).title == title


def test_a_file_without_heading_is_titled_by_its_name() -> None:
    assert decode_article("lost-card", b"Block the card at once.").title == "lost card"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" \n\n",
        b"\xff\xfe\x00a",
        b"abc\0def",
        b"---\ntitle: [\n---\nbody",
        b"---\nquestions: 5\n---\nbody",
        b"---\nintents: cancel_service\n---\nbody",
        b"---\nupdated: 2024-02-30\n---\nbody",
        b"---\ntitle: !!int x\n---\nbody",
        b"---\ntitle: a\x0bb\n---\nbody",
        b"---\nquestions: {fr: [quelle adresse]}\n---\nbody",
        b"---\nquestions: {es: [x]}\n---\nbody",
        b"---\nquestions: [" + b"x" * (LONGEST_QUESTION + 1) + b"]\n---\nbody",
        b"---\nquestions: {es: [" + b"xx," * MOST_QUESTIONS + b"], es-MX: [xx]}\n---\nbody",
        b"---\nquestions: {es: [&one a long question, *one, *one]}\n---\nbody",
        b"x" * (MAX_ARTICLE_BYTES + 1),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "bad.md").write_bytes(data)
    with pytest.raises(Invalid, match=r"bad\.md"):
        load_folder(tmp_path)


def test_a_file_in_another_encoding_is_told_so() -> None:
    with pytest.raises(Invalid, match=r"^not in UTF-8: save it in that encoding$"):
        decode_article("pagos", "¿Cómo pago mi recibo?".encode("cp1252"))


@pytest.mark.parametrize(
    ("head", "title", "language", "questions"),
    [
        ("language: es-MX\nquestions: [me mudo]", "Mudanza", "es", (("es", "me mudo"),)),
        ("language: fr", "Mudanza", "", ()),
        ("questions: [I move]", "Mudanza", "", (("en", "I move"),)),
        ("questions: {pt-BR: [vou mudar], en: [10]}", "Mudanza", "", (("pt", "vou mudar"), ("en", "10"))),
        ("title: '  '", "Mudanza", "", ()),
        (f"title: {'x' * (LONGEST_TITLE + 1)}", "x" * LONGEST_TITLE, "", ()),
    ],
)
def test_what_is_taken_is_what_the_form_takes(
    head: str, title: str, language: str, questions: tuple[tuple[str, str], ...]
) -> None:
    article = decode_article("a", f"---\n{head}\n---\n# Mudanza\n\nAvise antes.".encode())
    assert (article.title, article.language, article.questions) == (title, language, questions)


@pytest.mark.parametrize(
    "between", ["Aviso: solo en tienda.", "Só hoje: solo en tienda.", "Solo en tienda.", "- Solo en tienda."]
)
def test_what_stands_between_two_rules_is_no_front_matter(between: str) -> None:
    article = decode_article("avisos", f"---\n{between}\n---\n# Avisos\n\nAvise antes.".encode())
    assert "olo en tienda." in article.body
    assert article.title == "Avisos"


@pytest.mark.parametrize(
    "head",
    [
        "tags: [planes]\ndate: 2025-01-02\nauthor: Ana",
        "draft: false\nlast_modified: 2025-01-02",
        "layout: post",
        "tags: [planos]\ntitle: Avisos",
    ],
)
def test_front_matter_of_other_programs_is_none_of_the_text(head: str) -> None:
    article = decode_article("avisos", f"---\n{head}\n---\n# Avisos\n\nAvise antes.".encode())
    assert (article.title, article.body) == ("Avisos", "# Avisos\n\nAvise antes.")


def test_a_folder_without_articles_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no articles"):
        load_folder(tmp_path)


def test_a_passage_of_several_sentences_is_searched_sentence_by_sentence() -> None:
    assert sentences("Block the card at once. Then order a new one today.") == [
        "Block the card at once.",
        "Then order a new one today.",
    ]
    assert sentences("Block the card at once.") == []


def test_a_section_is_searched_with_its_heading() -> None:
    body = "# Lost card\n\nBlock it.\n\n## Abroad\n\nCall *collect*.\n"
    assert sections(body) == ["Lost card Block it.", "Abroad Call collect."]
    assert sections("# Lost card\n\nBlock it.") == []


def test_title_headings_and_questions_name_the_matter() -> None:
    article = Article("a", "Lost card", "en", "# Lost card\n\nBlock it.\n\n## Abroad\n\nCall.", (("en", "I lost it"),))
    assert [unit.text for unit in units([article]) if unit.kind == "title"] == ["Lost card", "Abroad", "I lost it"]
    assert {unit.kind for unit in units([article])} == {"title", "text", "whole"}


def test_of_a_long_paragraph_nothing_is_left_out() -> None:
    words = [f"palabra{number}" for number in range(700)]
    for body in (" ".join(words), ". ".join(words)):
        found = passages(body)
        assert max(len(one) for one in found) <= 600
        assert " ".join(found) == body
        assert {unit.kind for unit in units([Article("a", "Título", "es", body)])} == {"title", "text", "whole"}
    assert "palabra699" in " ".join(unit.text for unit in units([Article("a", "Título", "es", " ".join(words))]))


def test_each_row_of_a_long_table_is_searched_with_its_columns_names() -> None:
    rows = [f"| Sucursal {number} | De {number} a 18 |" for number in range(40)]
    body = "\n".join(["# Horarios", "", "| Lugar | Horario |", "| --- | :-: |", *rows])
    texts = [unit.text for unit in units([Article("a", "Horarios", "es", body)]) if unit.kind == "text"]
    for number in range(40):
        assert f"Lugar Sucursal {number}, Horario De {number} a 18" in texts
    assert not any("---" in text for text in texts)
    assert max(len(text) for text in texts) <= 600


def test_each_item_of_a_long_list_is_searched_on_its_own() -> None:
    items = [f"- Para el caso número {number}\n  se llama a la oficina {number}" for number in range(40)]
    texts = [unit.text for unit in units([Article("a", "Casos", "es", "\n".join(items))]) if unit.kind == "text"]
    assert "- Para el caso número 39 se llama a la oficina 39" in texts


def test_a_short_table_is_one_passage_and_a_line_of_dashes_is_no_trouble() -> None:
    assert passages("| Plan | Cargo |\n| --- | --- |\n| A | 10 |") == ["| Plan | Cargo | | --- | --- | | A | 10 |"]
    assert "".join(passages("-" * 50_000 + "x")).replace(" ", "") == "-" * 50_000 + "x"
    assert passages("\n".join(["| a | b |", "| - | - |"] * 100)) != []


@pytest.mark.parametrize("mark", ["[", "[](", "[a", "![a](b"])
def test_text_of_nothing_but_marks_takes_no_longer_than_other_text(mark: str) -> None:
    began = time.process_time()  # of ours: a busy machine must not make it fail
    assert list(units([Article("a", "Título", "es", mark * 30_000)]))
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Vea [la guía](https://x.example/a_b).", "Vea la guía."),
        ('Vea [la guía](https://x.example "Guía").', "Vea la guía."),
        ("[card] (su tarjeta)", "[card] (su tarjeta)"),
    ],
)
def test_links_are_searched_by_their_words(text: str, plain: str) -> None:
    assert passages(text) == [plain]
