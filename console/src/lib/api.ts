/** The engine's REST calls. Cookies carry the session. */

import type { CallRecord, Me } from "./wire.ts";

export class ApiError extends Error {
  override name = "ApiError";
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** JSON in, JSON out. Throws `ApiError`; its status is 0 when the engine was not reached. */
export async function api<T>(method: string, path: string, body?: unknown): Promise<T> {
  if (body === undefined) return send<T>(path, { method });
  const headers = { "Content-Type": "application/json" };
  return send<T>(path, { method, headers, body: JSON.stringify(body) });
}

/** A file's bytes in, JSON out; throws as `api` does. */
export async function upload<T>(path: string, file: Blob): Promise<T> {
  return send<T>(path, {
    method: "PUT",
    headers: { "Content-Type": "application/octet-stream" },
    body: file,
  });
}

async function send<T>(path: string, request: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...request });
  } catch {
    throw new ApiError(0, "unreachable", "the engine does not answer");
  }
  const text = await response.text();
  const json = text && response.headers.get("Content-Type")?.includes("json") ? JSON.parse(text) : undefined;
  if (!response.ok)
    throw new ApiError(response.status, json?.code ?? "", reasonOf(json) ?? response.statusText);
  return json as T;
}

function reasonOf(json: unknown): string | undefined {
  if (Array.isArray(json)) return json.map((one) => `${one?.loc?.join(".")}: ${one?.msg}`).join("; ");
  return (json as { message?: string } | undefined)?.message;
}

export const signIn = (user: string, password: string): Promise<Me> =>
  api<Me>("POST", "/api/login", { user, password });
export const signOut = (): Promise<void> => api<void>("POST", "/api/logout");
export const pressRecording = (call: string, press: "pause" | "resume"): Promise<void> =>
  api<void>("POST", `/api/calls/${encodeURIComponent(call)}/recording/${press}`);
/** For good: its words, its score, its recording. Administrators only. */
export const eraseCall = (call: string): Promise<void> =>
  api<void>("DELETE", `/api/calls/${encodeURIComponent(call)}`);
/** What a masked word was: of the entity that fact `seq` tells of. Each reading is written down. */
export const entityValue = (call: string, seq: number): Promise<{ value: string }> =>
  api<{ value: string }>("GET", `/api/calls/${encodeURIComponent(call)}/entities/${seq}/value`);
/** The newest calls of a person that ended. */
export const endedCalls = (user: string): Promise<CallRecord[]> =>
  api<CallRecord[]>("GET", `/api/calls?live=false&limit=12&agent=${encodeURIComponent(user)}`);
export const changePassword = (old: string, next: string): Promise<void> =>
  api<void>("PUT", "/api/me/password", { old, new: next });
export const whoAmI = (): Promise<Me> => api<Me>("GET", "/api/me");
