/** What the phone and the bridge say to each other: media/bridge/phone_messages.py, field by field. */

export type Direction = "sendrecv" | "sendonly" | "recvonly" | "inactive";

export type PhoneKey =
  "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "*" | "#" | "A" | "B" | "C" | "D";

export interface IceServer {
  urls: string | string[];
  username?: string;
  credential?: string;
}

/** A call that stands, for a browser that came back. */
export interface CallState {
  call: string;
  way: "in" | "out";
  state: "ringing" | "dialling" | "taken" | "up";
  address: string;
  name?: string;
  held?: boolean;
  up_s?: number;
}

export type FromBrowser =
  | { type: "register"; token: string; window: string; away?: boolean }
  | { type: "renew"; token: string }
  | { type: "presence"; away: boolean }
  | { type: "dial"; ref: string; to: string }
  | { type: "offer"; call: string; sdp: string }
  | { type: "accept"; call: string }
  | { type: "decline"; call: string }
  | { type: "hold"; call: string; on: boolean }
  | { type: "key"; call: string; key: PhoneKey; duration_ms?: number }
  | { type: "transfer"; call: string; to?: string; consult?: string }
  | { type: "hang_up"; call: string };

export type ErrorCode =
  "not_dialled" | "no_such_call" | "too_many_calls" | "bad_offer" | "no_sound" | "overloaded" | "refused";

export type ToBrowser =
  | { type: "registered"; aor: string; ice_servers?: IceServer[]; calls?: CallState[] }
  | { type: "incoming"; call: string; address: string; to: string; name?: string }
  | { type: "dialling"; ref: string; call: string }
  | { type: "answer"; call: string; sdp: string }
  | { type: "progress"; call: string; early?: boolean }
  | { type: "answered"; call: string }
  | { type: "held"; call: string; direction: Direction }
  | { type: "key"; call: string; key: PhoneKey; duration_ms?: number }
  | { type: "transferred"; call: string; status: number }
  | { type: "ended"; call: string; reason: string; status?: number }
  | { type: "replaced" }
  | { type: "beat" }
  | { type: "error"; code: ErrorCode; message: string; call?: string; ref?: string };

/** The socket's own close codes. */
export const PASS_OVER = 4401;
export const REPLACED = 4409;
