/** The sound path of one call: the microphone out, the other side in. The bridge answers every offer, so that a path can be
 * replaced at any time by another one. */

import type { IceServer } from "./wire.ts";

export type MicrophoneError = "blocked" | "missing" | "busy" | "insecure";

export class NoMicrophone extends Error {
  override name = "NoMicrophone";
  readonly reason: MicrophoneError;

  constructor(reason: MicrophoneError) {
    super(reason);
    this.reason = reason;
  }
}

const wanted: MediaStreamConstraints = {
  audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
};

/** Asks the browser for it. Throws `NoMicrophone`. */
export async function openMicrophone(): Promise<MediaStream> {
  if (!navigator.mediaDevices) throw new NoMicrophone("insecure"); // pages over plain http, save on this machine
  try {
    return await navigator.mediaDevices.getUserMedia(wanted);
  } catch (error) {
    throw new NoMicrophone(reasonOf(error instanceof DOMException ? error.name : ""));
  }
}

function reasonOf(name: string): MicrophoneError {
  if (name === "NotAllowedError" || name === "SecurityError") return "blocked";
  return name === "NotReadableError" || name === "AbortError" ? "busy" : "missing";
}

/** A browser that has lost its network is given so long to find it again before another path is made. */
const LOST_MS = 2500;

export class SoundPath {
  readonly #connection: RTCPeerConnection;
  readonly #audio = new Audio();
  readonly #microphone: MediaStream;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `lost` is told when another path is wanted: the network of this one is gone, or its microphone was pulled out. */
  constructor(microphone: MediaStream, iceServers: readonly IceServer[], lost: () => void) {
    this.#microphone = microphone;
    this.#connection = new RTCPeerConnection({ iceServers: [...iceServers], bundlePolicy: "max-bundle" });
    this.#connection.ontrack = ({ track }) => {
      this.#audio.srcObject = new MediaStream([track]);
      void this.#audio.play().catch(() => undefined); // closed before it began
    };
    for (const track of microphone.getAudioTracks()) {
      this.#connection.addTrack(track, microphone);
      track.onended = lost;
    }
    this.#connection.onconnectionstatechange = () => this.#changed(lost);
  }

  /** The offer, at once: the bridge is found by the browser's own checks and needs no candidates of it. */
  async offer(): Promise<string> {
    await this.#connection.setLocalDescription(await this.#connection.createOffer());
    return this.#connection.localDescription?.sdp ?? "";
  }

  async answered(sdp: string): Promise<void> {
    if (this.#connection.signalingState === "have-local-offer") {
      await this.#connection.setRemoteDescription({ type: "answer", sdp });
    }
  }

  mute(on: boolean): void {
    for (const track of this.#microphone.getAudioTracks()) track.enabled = !on;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#connection.onconnectionstatechange = null;
    this.#connection.close();
    for (const track of this.#microphone.getTracks()) track.stop();
    this.#audio.srcObject = null;
  }

  #changed(lost: () => void): void {
    const state = this.#connection.connectionState;
    clearTimeout(this.#timer);
    if (state === "failed") lost();
    else if (state === "disconnected") this.#timer = setTimeout(lost, LOST_MS);
  }
}
