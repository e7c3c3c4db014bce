/** A browser's WebSocket, played by hand. */
export class FakeSocket {
  static OPEN = 1;
  static all: FakeSocket[] = [];
  readyState = 0;
  sent: string[] = [];
  onopen = (): void => undefined;
  onmessage = (_: { data: string }): void => undefined;
  onclose = (_: { code: number }): void => undefined;
  readonly url: string;

  constructor(url: string) {
    this.url = url;
    FakeSocket.all.push(this);
  }

  open(): void {
    this.readyState = 1;
    this.onopen();
  }

  say(message: object): void {
    this.onmessage({ data: JSON.stringify(message) });
  }

  send(text: string): void {
    this.sent.push(text);
  }

  /** As a browser does over a dead connection: it says so much later. */
  close(): void {
    this.readyState = 2;
  }

  /** The other side is gone. */
  lose(code = 1006): void {
    this.readyState = 3;
    this.onclose({ code });
  }
}
