// Google's data layer: e-commerce events that are pushed to it, and the commands of `gtag`, which land there too.
//
// Owns reading what was pushed before this part came and what comes later, for both shapes of e-commerce data. Sources:
// developers.google.com/analytics/devguides/collection/ga4/reference/events (events, parameters; read 2026-11-23),
// developers.google.com/tag-manager/enhanced-ecommerce (`actionField`, `products`, `ecommerce: null`; read 2026-11-27),
// support.google.com/analytics/answer/14171598 (`user_data`; read 2026-11-27).
import { attempt } from "../../host.js";
import { given, same } from "./read.js";
import { around, watch } from "./watch.js";

export const GA4 = {
  names: {
    view_item: "ViewContent",
    search: "Search",
    add_to_cart: "AddToCart",
    add_to_wishlist: "AddToWishlist",
    begin_checkout: "InitiateCheckout",
    add_payment_info: "AddPaymentInfo",
    purchase: "Purchase",
    refund: "Refund",
    generate_lead: "Lead",
    sign_up: "CompleteRegistration",
  },
  properties: {
    transaction_id: "order_id",
    ...same(["value", "currency", "tax", "shipping", "coupon", "search_term"]),
  },
  list: "items",
  items: {
    item_id: "id",
    item_name: "name",
    item_brand: "brand",
    item_category: "category",
    ...same(["price", "quantity"]),
  },
  person: {
    phone_number: "phone",
    ...same(["email", "first_name", "last_name", "street", "city", "region", "postal_code", "country"]),
  },
};

/** Universal Analytics' enhanced e-commerce: its actions, and of a checkout the first step only. */
export const UA = {
  names: {
    detail: "ViewContent",
    add: "AddToCart",
    checkout: "InitiateCheckout",
    purchase: "Purchase",
    refund: "Refund",
  },
  properties: {
    id: "order_id",
    revenue: "value",
    currencyCode: "currency",
    ...same(["tax", "shipping", "coupon"]),
  },
  list: "products",
  items: same(["id", "name", "brand", "category", "price", "quantity"]),
};

const isCommand = (entry) => Object.prototype.toString.call(entry) == "[object Arguments]";

/** Adopts what the layer brings. `google` says whether a purchase without an order id is given ours. */
export const dataLayer = ({ settings, call, identify }, google) => {
  // Pushed on its own, it belongs to the event that follows, unless it is taken back.
  let pending;

  const universal = (ecommerce) => {
    for (const name of Object.keys(UA.names)) {
      const { actionField, products } = attempt(() => ecommerce[name]) || {};
      if (!actionField && !Array.isArray(products)) continue;
      const { currencyCode } = ecommerce;
      if (name != "checkout" || !(actionField?.step > 1)) {
        call({ source: "data_layer", words: UA, name, from: { ...actionField, currencyCode, products } });
      }
      return true;
    }
  };

  const pushed = (entry) => {
    const { event, ecommerce, event_id } = entry;
    const from = (ecommerce === undefined ? pending : ecommerce) || entry;
    if (ecommerce !== undefined) {
      pending = event ? undefined : ecommerce;
      if (universal(ecommerce)) return (pending = undefined);
    }
    if (typeof event != "string" || /^gtm\./.test(event)) return;
    // Events that mean nothing here may come between the data and their event.
    if (event in GA4.names || event in settings.events) pending = undefined;
    call({ source: "data_layer", words: GA4, name: event, id: event_id, from });
  };

  const commanded = (command) => {
    const [verb, name, from = {}] = command;
    if (verb == "set" && name == "user_data") {
      identify(from, GA4);
      identify([from.address].flat()[0], GA4);
    }
    if (verb != "event") return;
    const adopts = settings.gtag;
    const id = call({ source: "gtag" + (from.send_to || ""), words: GA4, name, from, adopts });
    // Google's own key for a purchase is the order id, and without one it counts every copy.
    if (google && name == "purchase") {
      const other = given([...command], 2, "transaction_id", id);
      if (other) Object.assign(command, other, { length: 3 });
    }
  };

  // Tag Manager puts its own `push` over ours and calls ours from within: a thing is read once as it goes by.
  const passing = new WeakSet();
  const read = (entry) => {
    if (!entry || typeof entry != "object" || passing.has(entry)) return;
    passing.add(entry);
    attempt(() => {
      if (isCommand(entry)) commanded(entry);
      else if (settings.data_layer) pushed(entry);
    });
  };

  watch(window, settings.layer, (layer) => {
    for (const entry of [...layer]) {
      read(entry);
      passing.delete(entry);
    }
    const before = (entries) => entries.forEach(read);
    const after = (_, entries) => entries.forEach((entry) => passing.delete(entry));
    watch(layer, "push", (push) => around(push, before, after));
    return layer;
  });
};
