/** The two tones that a phone makes by itself: that it rings, and that the other side does (ITU-T E.182, 425 Hz). */

export type Tone = "" | "ring" | "ringback";

const cadence = { ring: [0.4, 0.2, 0.4, 2], ringback: [1, 4] } as const;
const pitch = { ring: [660, 520], ringback: [425] } as const;
const LOUDNESS = 0.05;

export class Tones {
  #context: AudioContext | undefined;
  #playing: Tone = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #oscillator: OscillatorNode | undefined;

  play(tone: Tone): void {
    if (tone === this.#playing) return;
    this.#playing = tone;
    this.#silence();
    if (tone) this.#step(tone, 0);
  }

  close(): void {
    this.play("");
    void this.#context?.close();
  }

  #step(tone: "ring" | "ringback", step: number): void {
    const steps = cadence[tone];
    const at = step % steps.length;
    if (at % 2 === 0) this.#sound(pitch[tone][(at / 2) % pitch[tone].length]!);
    else this.#silence();
    this.#timer = setTimeout(() => this.#step(tone, at + 1), 1000 * steps[at]!);
  }

  #sound(hertz: number): void {
    const context = (this.#context ??= new AudioContext());
    void context.resume(); // a page that nobody has touched stays silent; the call is still shown
    const gain = context.createGain();
    gain.gain.value = LOUDNESS;
    this.#oscillator = context.createOscillator();
    this.#oscillator.frequency.value = hertz;
    this.#oscillator.connect(gain).connect(context.destination);
    this.#oscillator.start();
  }

  #silence(): void {
    clearTimeout(this.#timer);
    this.#oscillator?.stop();
    this.#oscillator = undefined;
  }
}
