// "What the tag did": a window on the tag through its public surface only.
//
// Loaded before the tag, so that no `anytrack:event` is missed. It listens, keeps the journey's events for this
// browser tab, and draws them; it sends nothing and works (showing nothing) when the tag never loads. Leaves
// reporting to shop.js.
(function () {
  "use strict";
  var KEPT = 60;
  var KEY = "glim-journey";
  var journey = read();
  var past = journey.length;

  // Storage may be denied; the panel then remembers for this page only.
  function read() {
    try { return JSON.parse(sessionStorage.getItem(KEY)) || []; } catch (denied) { return []; }
  }
  function write() {
    try { sessionStorage.setItem(KEY, JSON.stringify(journey.slice(-KEPT))); } catch (denied) { return; }
  }

  document.addEventListener("anytrack:event", function (happening) {
    var seen = happening.detail || {};
    var known = journey.slice(past).filter(function (one) { return one.event_id === seen.event_id; })[0];
    if (known) known.state = seen.state;
    else journey.push({ name: String(seen.name), event_id: String(seen.event_id), state: String(seen.state) });
    write();
    draw();
  });

  function find(id) { return document.getElementById(id); }
  function text(id, value) { var node = find(id); if (node) node.textContent = value || "–"; }

  // The tag answers these before it is ready too, with nothing.
  function ask(name) {
    try { return String((window.anytrack && window.anytrack[name] && window.anytrack[name]()) || ""); } catch (broken) { return ""; }
  }

  function onAddress() {
    var found = [];
    new URLSearchParams(location.search).forEach(function (value, name) {
      if (/clid|^(gbraid|wbraid|atclid|epik|ScCid|utm_.*)$/.test(name)) found.push(name + "=" + value);
    });
    return found.join("  ");
  }

  function row(one, index) {
    var item = document.createElement("li");
    if (index < past) item.className = "past";
    [["b", one.name], ["span", one.state], ["code", one.event_id]].forEach(function (part) {
      var node = document.createElement(part[0]);
      node.textContent = part[1];
      if (part[0] === "span") { node.className = "state"; node.dataset.state = one.state; }
      item.appendChild(node);
    });
    return item;
  }

  function draw() {
    var list = find("panel-events");
    if (!list) return;
    if (journey.length) list.replaceChildren.apply(list, journey.map(row).reverse());
    text("panel-count", String(journey.length));
    var latest = journey[journey.length - 1];
    find("panel-latest").textContent = latest ? latest.name + " " + latest.state : "";
    text("panel-visitor", ask("visitorId"));
    text("panel-click", ask("clickId"));
    text("panel-url", onAddress());
    find("panel-pulse").classList.toggle("live", journey.length > past);
  }

  document.addEventListener("DOMContentLoaded", function () {
    // Open where there is room beside the page, closed elsewhere, until the visitor says otherwise.
    var panel = find("panel"), kept = null;
    try { kept = sessionStorage.getItem("glim-panel"); } catch (denied) { kept = null; }
    panel.open = kept ? kept === "open" : matchMedia("(min-width: 1600px)").matches;
    panel.firstElementChild.addEventListener("click", function () {
      try { sessionStorage.setItem("glim-panel", panel.open ? "closed" : "open"); } catch (denied) { return; }
    });
    draw();
    if (window.anytrack && window.anytrack.ready) window.anytrack.ready(draw);
  });
})();
