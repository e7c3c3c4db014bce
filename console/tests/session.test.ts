import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { keepPhone, phone } from "../src/lib/line.svelte.ts";
import { dialled } from "../src/lib/phone/calls.ts";
import { page } from "../src/lib/router.svelte.ts";
import { endSession, person, setPerson } from "../src/lib/session.svelte.ts";
import { keepUnsent, unsentOf } from "../src/lib/unsent.ts";
import type { Me } from "../src/lib/wire.ts";

vi.hoisted(() =>
  Object.assign(globalThis, {
    location: { pathname: "/desk" },
    history: { pushState: () => undefined },
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
