/** The address bar as state. */

export const pages = ["login", "desk", "wall", "quality", "admin"] as const;
export type Page = (typeof pages)[number];

let current = $state<Page | undefined>(pageOf(location.pathname));

addEventListener("popstate", () => {
  current = pageOf(location.pathname);
});

function pageOf(path: string): Page | undefined {
  return pages.find((page) => path === `/${page}` || path.startsWith(`/${page}/`));
}

export function page(): Page | undefined {
  return current;
}

export function go(next: Page, options: { replace?: boolean } = {}): void {
  if (location.pathname !== `/${next}`) {
    if (options.replace) history.replaceState(null, "", `/${next}`);
    else history.pushState(null, "", `/${next}`);
  }
  current = next;
}
