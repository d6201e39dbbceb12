// A tag in plain JavaScript, as small as it can be: it sends the body that ours sends for a landing, and does nothing else.
(function () {
  function id(length) {
    return Array.from(crypto.getRandomValues(new Uint8Array(length)), function (byte) { return (byte & 31).toString(32); }).join("");
  }
  var now = Date.now();
  var visitor = (/_at_vid=([^;]*)/.exec(document.cookie) || [])[1] || id(36);
  document.cookie = "_at_vid=" + visitor + "; Path=/; Max-Age=34560000; SameSite=Lax";
  var clicks = {};
  var campaign = {};
  new URL(location.href).searchParams.forEach(function (value, name) {
    if (/^(fbclid|gclid|gbraid|wbraid|ttclid|msclkid|dclid|twclid|epik|li_fat_id|rdt_cid|ScCid|tblci|dicbo|awc|cjevent)$/.test(name)) clicks[name] = { value: value, seen_at: now };
    if (/^utm_(source|medium|term|content|id)$/.test(name)) campaign[name.slice(4)] = value;
    if (name === "utm_campaign") campaign.name = value;
  });
  localStorage.setItem("_at_t", JSON.stringify([clicks, campaign]));
  var cookies = {};
  document.cookie.split("; ").forEach(function (cookie) {
    var parts = /([^=]*)=(.*)/.exec(cookie);
    if (parts && /^(_fbp|_fbc|_ttp|_ga.*|_uetvid|_uetsid)$/.test(parts[1])) cookies[parts[1]] = parts[2];
  });
  var event = {
    event: "PageView", event_id: id(36), time: now, source: "web",
    page: { url: location.href, referrer: document.referrer || undefined, title: document.title },
    properties: {}, click_ids: clicks, campaign: campaign, cookies: cookies, consent: {}, visitor_id: visitor,
  };
  var body = JSON.stringify({ v: 1, site: "shop", sent_at: Date.now(), events: [event] });
  fetch("/twin", { method: "POST", body: body, keepalive: true, credentials: "include" });
})();
