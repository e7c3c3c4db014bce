/** Of requests that overlap only the newest counts: an answer that took longer is to what nobody asks any more. */
export class Newest {
  #last = 0;

  /** The function that it gives says whether this request is still the newest. */
  begin(): () => boolean {
    const mine = ++this.#last;
    return () => mine === this.#last;
  }
}
