import { describe, expect, it } from "vitest";
import { readTerms, writeTerms } from "../src/lib/directory.ts";
import { clock, delay, stampSteps, wordToScreen } from "../src/lib/format.ts";
import { cited, findQuote, markdown, pieces, splitStable, toDisplay } from "../src/lib/words.ts";

describe("evidence", () => {
  it("is found through case and punctuation", () => {
    const text = "Gracias. Le llamo por la cuota. ¿Por qué no ha pagado?";
    const found = findQuote(text, "por que no ha pagado") ?? findQuote(text, "por qué no ha pagado");
    expect(text.slice(found!.start, found!.end)).toBe("Por qué no ha pagado");
    expect(findQuote(text, "otra cosa")).toBeUndefined();
    expect(findQuote(text, "")).toBeUndefined();
  });

  it.each([
    ["Así es, sí", "sí", 8, 8],
    ["con demora, en mora", "mora", 15, 15],
    ["sí, claro que sí", "sí", 14, 14],
    ["sí, claro que sí", "sí", 0, 0],
    ["[card]. Sí, sí", "sí", 40, 12],
    ["No, no y no", "NO", 4, 4],
    ["demora", "mora", 2, undefined],
  ])("in %j is %j at %i", (text, quote, start, found) => {
    expect(findQuote(text, quote, start)?.start).toBe(found);
  });

  it("is marked through masks", () => {
    const text = "mi tarjeta es [card] y vence";
    const entities = [{ seq: 9, type: "CARD", start: 14, end: 90, last4: "6467" }];
    const cut = pieces(text, entities, [findQuote(text, "tarjeta es [card]")!]);
    expect(cut.map((piece) => [piece.text, piece.marked])).toEqual([
      ["mi ", false],
      ["tarjeta es ", true],
      ["card", true],
      [" y vence", false],
    ]);
    expect(cut[2]!.last4).toBe("6467");
    expect(cut[2]!.seq).toBeUndefined();
  });

  it("can be asked for where it is known which value stands behind a mask", () => {
    const phone = (seq: number, start: number) => ({ seq, type: "PHONE", start, end: start + 9, last4: "" });
    const behind = (text: string, entities: Parameters<typeof pieces>[1]) =>
      pieces(text, entities, [])
        .filter((piece) => piece.kind === "chip")
        .map((piece) => piece.seq);
    expect(behind("al [phone] o al [phone]", [phone(7, 3), phone(9, 20)])).toEqual([7, 9]);
    expect(behind("[phone] no, [phone]", [phone(9, 20)])).toEqual([undefined, undefined]);
    expect(behind("[dob] y [number]", [{ ...phone(5, 0), type: "DATE_OF_BIRTH" }])).toEqual([5, undefined]);
    expect(behind("[cvv] y [card]", [{ ...phone(5, 0), type: "CVV" }])).toEqual([undefined, undefined]);
  });
});

describe("the form for readers", () => {
  const text = "😀 Debe cincuenta mil pesos desde el quince de marzo.";
  const display = "😀 Debe $50.000 desde el 15 de marzo.";
  const map = [
    [7, 26, 7, 14],
    [36, 51, 24, 35],
  ] as const;

  function shown(quote: string): string {
    const span = toDisplay(text, display, map, findQuote(text, quote)!);
    return display.slice(span.start, span.end);
  }

  it("shows evidence where its words stand", () => {
    expect(shown("Debe")).toBe("Debe");
    expect(shown("cincuenta mil pesos")).toBe("$50.000");
    expect(shown("desde el")).toBe("desde el");
    expect(shown("Debe cincuenta mil pesos desde")).toBe("Debe $50.000 desde");
  });

  it("takes what is written otherwise whole", () => {
    expect(shown("mil pesos desde el quince")).toBe("$50.000 desde el 15 de marzo");
    expect(shown("de marzo")).toBe("15 de marzo");
  });

  it("is the text itself without a map", () => {
    expect(toDisplay("hola", "hola", [], { start: 1, end: 3 })).toEqual({ start: 1, end: 3 });
  });
});

describe("words that were put right", () => {
  it("say what was heard", () => {
    const text = "Le llamo de Finarca hoy";
    const cut = pieces(text, [], [], [{ start: 12, end: 19, heard: "finarka" }]);
    expect(cut.map((piece) => [piece.text, piece.heard])).toEqual([
      ["Le llamo de ", undefined],
      ["Finarca", "finarka"],
      [" hoy", undefined],
    ]);
  });

  it("are listed a line each, with how else they sound", () => {
    const terms = [
      { text: "SIMIT", sounds_like: ["si mit", "cimí"] },
      { text: "Plan Zafiro", sounds_like: [] },
    ];
    expect(readTerms(" SIMIT = si  mit, cimí,\n\nPlan  Zafiro\n")).toEqual(terms);
    expect(readTerms(writeTerms(terms))).toEqual(terms);
  });
});

describe("text", () => {
  it("keeps every character", () => {
    const text = "a [phone] b [number]";
    const back = pieces(text, [], [{ start: 1, end: 3 }]).map((one) =>
      one.kind === "chip" ? `[${one.text}]` : one.text,
    );
    expect(back.join("")).toBe(text);
  });

  it("splits a draft by code points and never inside a mask", () => {
    expect(splitStable("¡Hola 😀 mundo", 7)).toEqual(["¡Hola 😀", " mundo"]);
    expect(splitStable("es [number] y", 6)).toEqual(["es ", "[number] y"]);
    expect(splitStable("hola", 99)).toEqual(["hola", ""]);
  });

  it("reads the Markdown of cards and nothing more", () => {
    expect(markdown("Say **this** now\nand go on\n\n- one\n2. two\n<b>x</b>")).toEqual([
      { kind: "paragraph", runs: ["Say ", "this", " now and go on"] },
      { kind: "item", number: "", runs: ["one"] },
      { kind: "item", number: "2.", runs: ["two"] },
      { kind: "paragraph", runs: ["<b>x</b>"] },
    ]);
  });

  it("keeps the rows and columns of tables, with a head where there is one", () => {
    const table = "Cargos:\n| Plan | Cargo |\n| --- | ---: |\n| **A** | 10 \\|| 12 |\n| - | - |\n\nFin";
    expect(markdown(table)).toEqual([
      { kind: "paragraph", runs: ["Cargos:"] },
      {
        kind: "table",
        head: [["Plan"], ["Cargo"]],
        rows: [
          [["", "A", ""], ["10 |"], ["12"]],
          [["-"], ["-"]],
        ],
      },
      { kind: "paragraph", runs: ["Fin"] },
    ]);
    const headless = [{ kind: "table", head: [], rows: [[["a"], ["b"]]] }];
    expect(markdown("|  |  |\n| --- | --- |\n| a | b |")).toEqual(headless);
    expect(markdown("|x| is no table")).toEqual([{ kind: "paragraph", runs: ["|x| is no table"] }]);
  });

  it("numbers steps as they are written, with what goes on below them", () => {
    expect(markdown(" 1. Desligue\n    da tomada.\n 2) Ligue.\nPronto.")).toEqual([
      { kind: "item", number: "1.", runs: ["Desligue da tomada."] },
      { kind: "item", number: "2)", runs: ["Ligue."] },
      { kind: "paragraph", runs: ["Pronto."] },
    ]);
  });

  it("ends a heading with its line", () => {
    expect(markdown("## Devoluciones ##\nPuede devolver.\n# C#")).toEqual([
      { kind: "heading", runs: ["Devoluciones"] },
      { kind: "paragraph", runs: ["Puede devolver."] },
      { kind: "heading", runs: ["C#"] },
    ]);
  });

  it("shows emphasis and links as words, and what is no emphasis as it stands", () => {
    const plain = (text: string): string =>
      markdown(text)
        .map((one) => "runs" in one && one.runs.join("|"))
        .join();
    expect(plain("En *Preferencias de contacto* y _otras_.")).toBe("En Preferencias de contacto y otras.");
    expect(plain("Vea [la guía](https://x.example/a_b) del __plan__")).toBe("Vea la guía del |plan|");
    expect(plain("5 * 3 * 2, 2*3*4, nombre_de_campo, [card]")).toBe(
      "5 * 3 * 2, 2*3*4, nombre_de_campo, [card]",
    );
    expect(plain("un \\*asterisco\\* y a\\_b")).toBe("un *asterisco* y a_b");
  });
});

describe("an answer", () => {
  it("is cut at what it cites, and masks stay words", () => {
    expect(cited("Pay today [1]. Your [card] stays [2].")).toEqual([
      "Pay today",
      "1",
      ". Your [card] stays",
      "2",
      ".",
    ]);
    expect(cited("Nothing")).toEqual(["Nothing"]);
  });
});

describe("figures", () => {
  it("are times of a call", () => {
    expect([0, 75_000, 3_723_000, -5].map(clock)).toEqual(["0:00", "1:15", "1:02:03", "0:00"]);
  });

  it("are delays in the unit that is read", () => {
    expect([834, 18_252].map(delay)).toEqual(["834 ms", "18.3 s"]);
  });

  it("are the delays between the stamps that are known", () => {
    const stamps = { heard: 100, transcribed: 700.4, shown: 900 };
    expect(stampSteps(stamps).map((step) => step.plus)).toEqual([0, 600, undefined, 200]);
    expect(wordToScreen(stamps)).toBe(800);
    expect(wordToScreen({ heard: 1 })).toBeUndefined();
  });
});
