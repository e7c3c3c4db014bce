import { expect, it } from "vitest";
import { Newest } from "../src/lib/newest.ts";

it("counts the newest of requests that overlap, whichever is answered last", () => {
  const opening = new Newest();
  const first = opening.begin();
  expect(first()).toBe(true);
  const second = opening.begin();
  expect([first(), second()]).toEqual([false, true]);
});
