/** Who works here and what they are called for: people and campaigns as the API has them, and as a form edits them. */

import { api } from "./api.ts";
import { saveArticle, type EditingArticle } from "./knowledge.ts";
import type { Role } from "./wire.ts";

export interface User {
  id: string;
  login: string;
  name: string;
  role: Role;
  aors: string[];
  extensions: string[];
  active: boolean;
}

export interface Term {
  text: string;
  /** How else recognition may spell what it sounds like. */
  sounds_like: string[];
}

export interface Campaign {
  id: string;
  name: string;
  kind: string;
  direction: "inbound" | "outbound";
  language: string;
  country: string;
  region: string;
  rule_packs: string[];
  knowledge: string;
  vocabulary: Term[];
  numbers: string[];
  members: string[];
  active: boolean;
  recording: boolean;
  /** 0: kept until somebody erases it. */
  retention_days: number;
  /** Played to the far end of recorded calls at answer. */
  notice: boolean;
  /** Seconds from beep to beep; 0: none. */
  beep_s: number;
  /** How long its calls are kept; 0: until somebody erases them. */
  words_days: number;
  /** Feelings are read in what agents say, too. */
  agent_sentiment: boolean;
}

/** `id` is empty for a new row, `password` for one that stays. */
export type Editing =
  | { table: "users"; id: string; row: Omit<User, "id">; password: string }
  | { table: "campaigns"; id: string; row: Omit<Campaign, "id"> }
  | EditingArticle;

const newUser: Omit<User, "id"> = {
  login: "",
  name: "",
  role: "agent",
  aors: [],
  extensions: [],
  active: true,
};
const newCampaign: Omit<Campaign, "id"> = {
  name: "",
  kind: "care",
  direction: "inbound",
  language: "",
  country: "CO",
  region: "",
  rule_packs: [],
  knowledge: "",
  vocabulary: [],
  numbers: [],
  members: [],
  active: true,
  recording: false,
  retention_days: 90,
  notice: false,
  beep_s: 0,
  words_days: 0,
  agent_sentiment: false,
};

export function editUser(user?: User): Editing {
  const { login, name, role, aors, extensions, active } = user ?? newUser;
  const row = { login, name, role, aors: [...aors], extensions: [...extensions], active };
  return { table: "users", id: user?.id ?? "", row, password: "" };
}

export function editCampaign(campaign?: Campaign): Editing {
  const {
    name,
    kind,
    direction,
    language,
    country,
    region,
    rule_packs,
    knowledge,
    vocabulary,
    numbers,
    members,
    active,
    recording,
    retention_days,
    notice,
    beep_s,
    words_days,
    agent_sentiment,
  } = campaign ?? newCampaign;
  const row = {
    name,
    kind,
    direction,
    language,
    country,
    region,
    rule_packs: [...rule_packs],
    knowledge,
    vocabulary: [...vocabulary],
    numbers: [...numbers],
    members: [...members],
    active,
    recording,
    retention_days,
    notice,
    beep_s,
    words_days,
    agent_sentiment,
  };
  return { table: "campaigns", id: campaign?.id ?? "", row };
}

/** One term a line, its other forms behind "=": `SIMIT = si mit, cimí`. */
export function readTerms(text: string): Term[] {
  return text
    .split("\n")
    .map((line) => line.split("="))
    .map(([term, forms = ""]) => ({
      text: clean(term!),
      sounds_like: forms.split(",").map(clean).filter(Boolean),
    }))
    .filter((term) => term.text !== "");
}

export function writeTerms(terms: readonly Term[]): string {
  return terms
    .map(({ text, sounds_like }) => (sounds_like.length > 0 ? `${text} = ${sounds_like.join(", ")}` : text))
    .join("\n");
}

function clean(words: string): string {
  return words.trim().replace(/\s+/g, " ");
}

export async function loadDirectory(): Promise<[User[], Campaign[]]> {
  return Promise.all([api<User[]>("GET", "/api/users"), api<Campaign[]>("GET", "/api/campaigns")]);
}

/** A form of the row as it is now: the list that it was picked from may be hours old, and what is saved is the whole row. */
export async function openUser(id: string): Promise<Editing> {
  return editUser(await api<User>("GET", pathOf("users", id)));
}

export async function openCampaign(id: string): Promise<Editing> {
  return editCampaign(await api<Campaign>("GET", pathOf("campaigns", id)));
}

export async function save(editing: Editing): Promise<void> {
  if (editing.table === "knowledge") return saveArticle(editing);
  const body =
    editing.table === "users" && editing.password
      ? { ...editing.row, password: editing.password }
      : editing.row;
  if (editing.id) await api("PUT", pathOf(editing.table, editing.id), body);
  else await api("POST", `/api/${editing.table}`, body);
}

function pathOf(table: "users" | "campaigns", id: string): string {
  return `/api/${table}/${encodeURIComponent(id)}`;
}
