import { describe, expect, it } from "vitest";
import { ApiError } from "../src/lib/api.ts";
import {
  failureOf,
  loginFailureOf,
  passwordFailureOf,
  refusalFrom,
  refusalOf,
  unsent,
} from "../src/lib/failure.ts";
import { en } from "../src/lib/i18n/en.ts";

describe("why something did not work", () => {
  it("is said in the reader's words where the code says all", () => {
    const error = new ApiError(503, "overloaded", "the store has too much to write");
    expect(failureOf(error)).toBe(en["failure.overloaded"]);
  });

  it("is said in the engine's words where these name the place", () => {
    expect(failureOf(new ApiError(422, "invalid", "country: XX is none"))).toBe("country: XX is none");
    expect(failureOf(new TypeError("odd"))).toBe("TypeError: odd");
  });

  it("is said of what was thrown in the same words, whatever its code", () => {
    const error = new ApiError(409, "conflict", "the recording stays paused: card");
    expect(refusalOf(refusalFrom(error))).toBe("the recording stays paused: card");
    expect(refusalOf(refusalFrom(new ApiError(0, "unreachable", "")))).toBe(en["failure.unreachable"]);
  });

  it("is said of a command of the desk as well: what was refused, and what was not sent", () => {
    expect(refusalOf(unsent)).toBe(en["failure.unsent"]);
    expect(refusalOf({ code: "not_found", message: "no such live call" })).toBe(en["failure.not_found"]);
    expect(refusalOf({ code: "conflict", message: "it is Ben's" })).toBe(en["failure.taken"]);
    expect(refusalOf({ code: "odd", message: "in the engine's words" })).toBe("in the engine's words");
  });

  it.each([
    [503, "too_many_logins", en["login.many"]],
    [503, "overloaded", en["failure.overloaded"]],
    [500, "internal", en["failure.internal"]],
    [502, "", en["login.unreachable"]],
    [0, "unreachable", en["login.unreachable"]],
    [404, "", en["login.unreachable"]],
    [429, "too_many_guesses", en["login.tooMany"]],
    [401, "wrong_login", en["login.wrong"]],
    [403, "wrong_origin", "That did not work: the engine's words"],
    [400, "bad_host", "That did not work: the engine's words"],
    [422, "invalid", "That did not work: the engine's words"],
  ])("is said of a log-in: %i %s", (status, code, said) => {
    expect(loginFailureOf(new ApiError(status, code, "the engine's words"))).toBe(said);
  });

  it.each([
    [403, "wrong_password", en["password.wrong"]],
    [429, "too_many_guesses", en["login.tooMany"]],
    [503, "too_many_logins", en["login.many"]],
    [422, "invalid", "That did not work: the engine's words"],
    [401, "not_logged_in", "That did not work: you are no longer signed in"],
  ])("is said of a password that was to be changed: %i %s", (status, code, said) => {
    expect(passwordFailureOf(new ApiError(status, code, "the engine's words"))).toBe(said);
  });
});
