// The settings of the part `adopt`.

/** Every setting as the relay hands it over when a site says nothing. */
export const defaults = {
  data_layer: true,
  gtag: true,
  fbq: true,
  ttq: true,
  uetq: true,
  anytrack: true,
  layer: "dataLayer",
  events: {},
  properties: [],
  user_data: false,
  pixels: [],
  forward: [],
};
