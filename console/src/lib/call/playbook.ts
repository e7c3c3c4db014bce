/** Where the call stands in its campaign's playbook: the newest `playbook.changed` says all of it. */

export interface PlaybookStep {
  step: string;
  /** In the call's language. */
  text: string;
  done?: boolean;
  /** The turn that ticked it. */
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
}
