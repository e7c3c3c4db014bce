import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { keepPhone, phone } from "../src/lib/line.svelte.ts";
import { dialled } from "../src/lib/phone/calls.ts";
import { go, page, type Page } from "../src/lib/router.svelte.ts";
import { endSession, person, setPerson, tellUse } from "../src/lib/session.svelte.ts";
import { keepUnsent, unsentOf } from "../src/lib/unsent.ts";
import type { Me } from "../src/lib/wire.ts";

vi.hoisted(() =>
  Object.assign(globalThis, {
    location: { pathname: "/desk" },
    history: { pushState: () => undefined, replaceState: () => undefined },
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
    sessionStorage: { getItem: () => null, setItem: () => undefined, removeItem: () => undefined },
  }),
);

const ana: Me = { user_id: "u1", organisation_id: "o", name: "Ana", role: "agent" };

describe("logging out", () => {
  const answers = (status: number): void =>
    void vi.stubGlobal("fetch", async () => new Response(status === 204 ? null : "", { status }));

  beforeEach(() => setPerson(ana));
  afterEach(() => vi.unstubAllGlobals());

  it("is not done while the engine has not done it", async () => {
    answers(503);
    await expect(endSession()).rejects.toMatchObject({ status: 503 });
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("no network")));
    await expect(endSession()).rejects.toMatchObject({ code: "unreachable" });
    expect([person()?.name, page()]).toEqual(["Ana", "desk"]);
  });

  it("is done when the engine has, or had before", async () => {
    for (const status of [204, 401]) {
      setPerson(ana);
      answers(status);
      await endSession();
      expect([person(), page()]).toEqual([undefined, "login"]);
    }
  });

  it("takes the phone away, whatever call it has", async () => {
    answers(204);
    keepPhone("u1", true);
    phone()!.view = dialled(phone()!.view, "r", "1002");
    await endSession();
    expect(phone()).toBeUndefined();
  });
});

it.each([
  ["u1", "typed"],
  ["u2", undefined],
])("whoever comes back finds the wrap-up that they had begun, and nobody else does (%s)", (next, found) => {
  setPerson(ana);
  keepUnsent("a", { summary: "typed", disposition: "", followUps: [] });
  setPerson(undefined);
  setPerson({ ...ana, user_id: next });
  expect(unsentOf("a")?.summary).toBe(found);
});

describe("somebody at the keyboard", () => {
  const at = (where: Page, now: number): void => {
    go(where);
    vi.spyOn(performance, "now").mockReturnValue(now);
    tellUse();
  };

  beforeEach(() => setPerson(ana));
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
  });

  it("uses the session where no socket does, and the engine is told now and then", async () => {
    let asked = 0;
    vi.stubGlobal("fetch", async () => {
      const who = { ...ana, name: `Ana ${(asked += 1)}` };
      return new Response(JSON.stringify(who), { headers: { "Content-Type": "application/json" } });
    });
    for (const [where, now, times] of [
      ["desk", 60_000, 0],
      ["wall", 60_000, 0],
      ["admin", 60_000, 1],
      ["quality", 89_999, 1],
      ["quality", 90_000, 2],
    ] as const) {
      at(where, now);
      expect(asked).toBe(times);
    }
    await vi.waitFor(() => expect(person()?.name).toBe("Ana 2"));
  });

  it("sees the log-in page when it has ended", async () => {
    vi.stubGlobal("fetch", async () => new Response("", { status: 401 }));
    at("admin", 120_000);
    await vi.waitFor(() => expect([person(), page()]).toEqual([undefined, "login"]));
  });
});
