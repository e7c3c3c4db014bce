import { describe, expect, it } from "vitest";
import { learnt } from "../src/lib/now.svelte.ts";

describe("how far the engine's clock is ahead", () => {
  it("is what the message that took the least time says", () => {
    const measured = [59_800, 59_950, 59_400, 59_940];
    expect(measured.reduce<number | undefined>(learnt, undefined)).toBe(59_950);
  });

  it("is measured anew when the PC's clock was set", () => {
    expect(learnt(60_000, -20)).toBe(-20);
    expect(learnt(-20, 60_000)).toBe(60_000);
  });
});
