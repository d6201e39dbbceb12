// Where a link leads, and which of its parameters is ours to write.
//
// Owns the table of affiliate networks and checkouts, and how an address is told to belong to one. Facts are from the
// networks' own pages for publishers (developers.everflow.io; TUNE, CAKE, Impact and Awin help centres; ClickBank's
// note on extclid of June 2024; docs.cj.com; Digistore24's developer pages), Stripe's page on payment links (200 letters,
// digits, dashes or underscores) and shopify.dev "Create cart permalinks", all read 2026-11-23. `docs/tag/auto.md` shows
// the table; a test holds the two together.

/**
 * A destination: its name; where its links lead, as hosts with what is below them and perhaps the beginning of a path;
 * an expression for links on domains of the customer's own, matched from the path on; the parameters for our id, in the
 * order in which they are tried, none that the relay's postback presets do not hand back; the longest value they take. In `path` networks the parameter is a piece of the path,
 * and where `visitor` is set the id is the visitor's, for an order to carry, instead of the click token.
 */
const row = (name, hosts, pattern, parameters, longest = 64, more) => ({
  name,
  hosts: hosts.split(" "),
  pattern,
  parameters: parameters.split(" "),
  longest,
  ...more,
});

export const NETWORKS = [
  // The first sub-id is left to the publisher's own notes.
  row("everflow", "", /^\/[^?]*\?(?=.*\boid=\d)(?=.*\baffid=\d)/, "sub5 sub4 sub3 sub2"),
  row("tune", "go2cloud.org hasoffers.com", /^\/aff_c\?/, "aff_sub aff_sub2 aff_sub3 aff_sub4 aff_sub5"),
  // `a` and `c` are too short to know a link by: CAKE is named by a rule or by `data-tracking-group`. Its `s1` is the
  // sub-affiliate.
  row("cake", "", 0, "s2 s3 s4 s5", 100),
  row("impact", "sjv.io pxf.io evyy.net 7eer.net ojrq.net", /^\/c\/\d+\/\d+\/\d+/, "subId1 subId2 subId3"),
  row("cj", "anrdoezrs.net dpbolvw.net jdoqocy.com kqzyfj.com tkqlhce.com", /^\/click-\d+-\d+/, "sid"),
  row("awin", "awin1.com/cread.php awin1.com/awclick.php", 0, "clickref"),
  row("shareasale", "shareasale.com/r.cfm shareasale.com/m-pr.cfm shareasale.com/u.cfm", 0, "afftrack", 255),
  row("clickbank", "hop.clickbank.net", 0, "extclid tid", 24),
  row("digistore24", "digistore24.com/redir checkout-ds24.com", 0, "cid sid1 sid2 sid3"),
  row("maxbounty", "", /^\/(trk\/lnk\/[\w-]{8,}|lnk\.asp\?(?=.*\bo=\d)(?=.*\ba=\d))/, "s2 s1"),
  row("affise", "g2afse.com", 0, "sub1 sub2 sub3 sub4"),
  row("partnerize", "prf.hn/click", 0, "clickref", 64, { path: true }),
  row("rakuten", "click.linksynergy.com", 0, "u1"),
  row("commissionfactory", "t.cfjump.com", 0, "UniqueId"),
  row("buygoods", "buygoods.com", 0, "subid"),
  row("konnektive", "", 0, "c1"),
  row("stripe", "buy.stripe.com", 0, "client_reference_id", 200, { visitor: true }),
  row("shopify", "myshopify.com/cart/", 0, "attributes[_at_vid]", 64, { visitor: true }),
];

/** Whether a host is a domain or below it. */
export const below = (host, domain) => host == domain || host.endsWith("." + domain);

/** Whether an address lies under a pattern: a host, which stands for all below it too, and perhaps the beginning of a path. */
export const under = (url, pattern) => {
  const [, host, path] = /^([^/]*)(.*)$/.exec(pattern);
  return !!host && below(url.hostname, host) && (url.pathname + url.search).startsWith(path);
};

const belongs = (url) => (network) =>
  network.hosts.some((host) => under(url, host)) || (network.pattern && network.pattern.test(url.pathname + url.search));

/**
 * The destination of an address. `rules` are the site's own and come first; `group` is what the page says of the link
 * in `data-tracking-group`; `foreign` says that the address is not one of the site, for only those are looked up.
 */
export const destination = (url, rules, group, foreign) => {
  const named = (name) => NETWORKS.find((network) => network.name == name);
  const own = rules.find(({ address }) => under(url, address));
  if (!own && !group) return foreign && NETWORKS.find(belongs(url));
  const known = named(own ? own.network : group.toLowerCase());
  if (own && own.parameter) {
    return { longest: 64, visitor: own.visitor, ...known, path: false, parameters: [own.parameter] };
  }
  return known || { name: group, parameters: ["atclid"], longest: 64 };
};

/**
 * What to write where: the name of the parameter and its value, or nothing when our id is there already or does not
 * fit. `read` gives the value of a parameter. An id that someone else wrote is never replaced: ours goes into the next
 * free parameter, and where there is none behind the other's, with `_` between them.
 */
export const placed = (read, { parameters, longest, visitor }, id) => {
  const values = parameters.map((name) => read(name) || "");
  if (values.some((value) => value == id || value.endsWith("_" + id))) return;
  const free = values.indexOf("");
  if (free >= 0) return [parameters[free], id];
  const both = values[0] + "_" + id;
  // Who reads the visitor back from an order expects the id and nothing else.
  if (!visitor && both.length <= longest) return [parameters[0], both];
};
