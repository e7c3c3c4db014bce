/** A browser's microphone and sound paths, played by hand. */

import { vi } from "vitest";

export class FakeTrack {
  enabled = true;
  /** It was pulled out; of a track that was stopped nothing is told. */
  onended = (): void => undefined;

  stop(): void {
    this.onended = (): void => undefined;
  }
}

export class FakeConnection {
  static all: FakeConnection[] = [];
  connectionState = "new";
  localDescription: { sdp: string } | null = null;
  onconnectionstatechange: (() => void) | null = null;
  tracks: FakeTrack[] = [];

  constructor() {
    FakeConnection.all.push(this);
  }

  addTrack(track: FakeTrack): void {
    this.tracks.push(track);
  }

  async createOffer(): Promise<{ sdp: string }> {
    return { sdp: "offer" };
  }

  async setLocalDescription(description: { sdp: string }): Promise<void> {
    this.localDescription = description;
  }

  close(): void {
    this.connectionState = "closed";
  }

  /** Its network is gone. */
  fail(): void {
    this.connectionState = "failed";
    this.onconnectionstatechange?.();
  }
}

export class FakeMicrophone {
  /** The name of what `getUserMedia` throws; empty while there is a microphone. */
  fault = "";

  async getUserMedia(): Promise<object> {
    if (this.fault) throw new DOMException("", this.fault);
    const track = new FakeTrack();
    return { getTracks: () => [track], getAudioTracks: () => [track] };
  }
}

/** Until `vi.unstubAllGlobals`. */
export function stubSound(): FakeMicrophone {
  const microphone = new FakeMicrophone();
  FakeConnection.all = [];
  vi.stubGlobal("navigator", { mediaDevices: microphone });
  vi.stubGlobal("RTCPeerConnection", FakeConnection);
  vi.stubGlobal(
    "Audio",
    class {
      srcObject: unknown = null;
    },
  );
  return microphone;
}
