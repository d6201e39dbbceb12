/**
 * AnyTrack's tag on a page: `window.anytrack`. Every call works before the tag has loaded, keeps its order and time,
 * and never throws.
 */

/** One line of an order or cart. */
export interface Item {
  /** Catalogue id or SKU. */
  id?: string | number;
  name?: string;
  brand?: string;
  category?: string;
  /** Price of one piece, in the event's currency. */
  price?: number | string;
  quantity?: number | string;
}

/**
 * What belongs to an event. Personal data under the names of `User` is taken out, hashed and sent as user data. What another
 * name says to be an e-mail address, a phone number, a first, last or full name, a birthday or a password (`billingEmail`,
 * `phone_number`) is left out.
 */
export interface Properties extends User {
  /** Total in major units of `currency`: 59.9, not 5990. */
  value?: number | string;
  /** ISO 4217. There is no default: an amount without a currency is not counted. */
  currency?: string;
  /** The shop's order number. The event's id follows from it, so that an order counts once. */
  order_id?: string | number | bigint;
  search_term?: string;
  coupon?: string;
  /** Tax included in `value`. */
  tax?: number | string;
  /** Shipping included in `value`. */
  shipping?: number | string;
  items?: Item[];
  /** The site's own: text, numbers, truth values and lists of those. Anything deeper is left out. */
  [custom: string]: unknown;
}

/** A person. Values are hashed in the browser, and the raw ones neither stored nor sent, but for city, region, postal code and
 * country: those go to the relay as they are, of several the first. */
export interface User {
  email?: string | string[];
  /** Best with country code; a national number takes `country`, where that is two letters, or `data-country` of the script where
   * no country is given. */
  phone?: string | string[];
  first_name?: string | string[];
  last_name?: string | string[];
  gender?: string | string[];
  /** Best as 1990-04-23. */
  birth_date?: string | string[];
  street?: string | string[];
  city?: string | string[];
  region?: string | string[];
  postal_code?: string | string[];
  /** Best as ISO 3166-1 alpha-2, by which telephone numbers read; three letters and names are understood by the relay alone.
   * Regions and postal codes without a country are read by the `country` of the site's settings. */
  country?: string | string[];
  /** The site's own id of the person. */
  external_id?: string | string[];
}

/** The names every platform's destination knows. Any other name is a custom event. */
export type StandardEvent =
  | "PageView"
  | "ViewContent"
  | "Search"
  | "AddToCart"
  | "AddToWishlist"
  | "InitiateCheckout"
  | "AddPaymentInfo"
  | "Purchase"
  | "Lead"
  | "CompleteRegistration"
  | "Subscribe"
  | "StartTrial"
  | "Contact"
  | "Schedule"
  | "SubmitApplication"
  | "FindLocation"
  | "CustomizeProduct"
  | "Donate"
  | "OutboundClick"
  | "FormSubmit"
  | "Refund";

export interface Options {
  /** An id of the site's own, at most 192 characters. */
  event_id?: string | number;
  /** Personal data for this one event. */
  user?: User;
}

/** Answers in the words of Google's Consent Mode. Purposes left out keep their last answer. */
export interface Consent {
  ad_storage?: "granted" | "denied";
  ad_user_data?: "granted" | "denied";
  ad_personalization?: "granted" | "denied";
}

export interface AnyTrack {
  /**
   * Reports an event and returns its id at once, for the page to hand to a browser pixel. Of a name the first 50 bytes count:
   * 50 letters of English, 25 with accents, Greek or Cyrillic, 16 Chinese or Japanese signs. The rest is cut off.
   */
  track(name: StandardEvent | (string & {}), properties?: Properties, options?: Options): string;
  /**
   * Reports a page view. Those on load and of the page's own navigation are reported by themselves, the latter without a
   * title, which routers set only afterwards; a page that calls this for each of them says so by `data-auto-page="load"`.
   */
  page(properties?: Properties, options?: Options): string;
  /** Tells who the visitor is, for this and later events. */
  identify(user: User): void;
  /**
   * Tells what the visitor agreed to. With `data-consent="required"` on the script nothing is stored or sent
   * before `ad_storage` and `ad_user_data` are granted. A denial of either deletes what is stored, here and in the relay,
   * and stops sending. A browser with Global Privacy Control has denied; the visitor's own answers hold again without it.
   */
  consent(answers: Consent): void;
  /** The visitor's id; null before the tag has loaded, on a prerendered page that is not shown yet, or without consent. */
  visitorId(): string | null;
  /** The visitor's click token, for links, forms and sub-ids under the name `atclid`; null as above. */
  clickId(): string | null;
  /** Calls back once the tag has loaded and the page is shown, or at once when that is so. */
  ready(callback: () => void): void;
  /** Forgets the visitor: id, user data and clicks. The answers to consent stay, and events that wait are still sent. */
  reset(): void;
}

/** What happened to an event, in the `detail` of `anytrack:event` on the document. */
export interface EventState {
  name: string;
  event_id: string;
  /** `sent` is said when the relay has taken the event; in the last moment of a page, when the browser has taken it for sending.
   * `rejected`: the relay will not have it, for the reason that the console names. */
  state: "queued" | "sent" | "rejected";
}

declare global {
  interface Window {
    anytrack: AnyTrack;
  }
  interface DocumentEventMap {
    "anytrack:event": CustomEvent<EventState>;
  }
  const anytrack: AnyTrack;
}
