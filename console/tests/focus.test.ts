import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { giveBackFocus, takeFocus } from "../src/lib/focus.ts";

class FakeElement {
  focus(): void {
    page.activeElement = this;
  }
}

const page = { activeElement: new FakeElement(), body: new FakeElement() };
const [pressed, opened, elsewhere] = [new FakeElement(), new FakeElement(), new FakeElement()];

beforeEach(() => {
  vi.stubGlobal("HTMLElement", FakeElement);
  vi.stubGlobal("document", page);
  pressed.focus();
});

afterEach(() => {
  vi.unstubAllGlobals();
});

it.each([
  ["is with what has opened", takeFocus, opened],
  ["stays with what was pressed", giveBackFocus, pressed],
])("the focus %s, and goes back when that goes with it", (_, open, focused) => {
  const close = open(opened as unknown as HTMLElement);
  expect(page.activeElement).toBe(focused);
  page.body.focus(); // what had it was removed
  close();
  expect(page.activeElement).toBe(pressed);
});

it("what has got the focus meanwhile keeps it", () => {
  const close = giveBackFocus();
  elsewhere.focus();
  close();
  expect(page.activeElement).toBe(elsewhere);
});
