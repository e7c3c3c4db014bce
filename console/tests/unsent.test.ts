import { beforeEach, describe, expect, it } from "vitest";
import { dropAllUnsent, dropUnsent, keepUnsent, unsentOf } from "../src/lib/unsent.ts";

const typed = (summary: string) => ({ summary, disposition: "callback", followUps: [] });

describe("a wrap-up that was begun", () => {
  beforeEach(dropAllUnsent);

  it("is there until it is confirmed or its call is gone", () => {
    keepUnsent("a", typed("one"));
    keepUnsent("b", typed("other"));
    keepUnsent("a", typed("one more"));
    expect(unsentOf("a")).toEqual(typed("one more"));
    dropUnsent("a");
    expect(unsentOf("a")).toBeUndefined();
    expect(unsentOf("b")).toEqual(typed("other"));
  });

  it("goes when too many others were typed in since", () => {
    keepUnsent("first", typed("first"));
    keepUnsent("second", typed("second"));
    keepUnsent("first", typed("again"));
    for (let call = 0; call < 31; call += 1) keepUnsent(`${call}`, typed(""));
    expect(unsentOf("first")).toBeDefined();
    expect(unsentOf("second")).toBeUndefined();
  });
});
