import type { AnyTrack } from "./anytrack.js";

export * from "./anytrack.js";

export interface Settings {
  /** Address of the site's relay, such as `https://t.shop.example`. */
  relay: string;
  /** The site's key in the relay's configuration. */
  site: string;
  /** The page's nonce, where its Content-Security-Policy asks for one. */
  nonce?: string;
  /**
   * `"required"`: nothing is stored or sent before `consent` says so. The relay's configuration does not reach the page by
   * itself: for its `consent = "regional"` this is `"required"`, with `parts: true`.
   */
  consent?: "required";
  /** ISO 3166-1 alpha-2 country of phone numbers written without one. */
  country?: string;
  /**
   * Which page views are reported by themselves. Left out: on load and whenever the page's own navigation changes the address.
   * `"hash"`: also where only what follows `#` changes. `"load"`: the first one. `"off"`: none.
   */
  pageViews?: "load" | "hash" | "off";
  /** Signals of the browser that count as a refusal: `"gpc"` when left out, `"gpc dnt"`, or `""` for none. */
  signals?: string;
  /** `true`: the relay's configuration adds parts to the tag (`[site.tag.…]`). */
  parts?: boolean;
}

/**
 * Loads the tag from the relay, once. Does nothing on a server. Never throws: settings by which nothing can be loaded are
 * written to the console.
 */
export declare function init(settings: Settings): void;

export declare const track: AnyTrack["track"];
export declare const page: AnyTrack["page"];
export declare const identify: AnyTrack["identify"];
export declare const consent: AnyTrack["consent"];
export declare const visitorId: AnyTrack["visitorId"];
export declare const clickId: AnyTrack["clickId"];
export declare const ready: AnyTrack["ready"];
export declare const reset: AnyTrack["reset"];
