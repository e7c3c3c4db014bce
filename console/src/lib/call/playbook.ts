/** Where the call stands in its campaign's playbook: the newest `playbook.changed` says all of it. */

export interface PlaybookStep {
  step: string;
  /** In the call's language. */
  text: string;
  done?: boolean;
  /** The turn that ticked it. */
  turn?: number;
}

/** A field of the form that the call fills. */
export interface PlaybookSlot {
  slot: string;
  /** In the call's language. */
  text: string;
  /** As masked, as readers see it; empty while it is open, and of private data. */
  value: string;
  last4: string;
  /** The turn that filled it. */
  turn?: number;
}

export interface Playbook {
  playbook: string;
  title: string;
  stage: string;
  stages: readonly { stage: string; title: string }[];
  /** Those of the stage, and those that something in it called for. */
  steps: readonly PlaybookStep[];
  /** The step to take now; empty when there is none. */
  next: string;
  /** Calls that were kept by an older engine have none. */
  slots?: readonly PlaybookSlot[];
}
