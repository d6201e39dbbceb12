// The shop: cart, checkout and thank-you, all inside this browser, reporting through `anytrack` alone.
//
// Nothing typed into the checkout form is posted anywhere or kept: it goes to `anytrack.identify`, which hashes
// it. The order that the thank-you page reads back holds lamps and amounts only.
(function () {
  "use strict";
  var CURRENCY = "EUR";
  var SHIPPING = 9;
  var lamps = JSON.parse(document.getElementById("catalogue").textContent);
  var page = document.body.dataset.page;
  var memory = {};

  // A visitor who denies storage can still buy within one page.
  function load(store, key, fallback) {
    try { return JSON.parse(window[store].getItem(key)) || memory[key] || fallback; } catch (denied) { return memory[key] || fallback; }
  }
  function save(store, key, value) {
    memory[key] = value;
    try { window[store].setItem(key, JSON.stringify(value)); } catch (denied) { return; }
  }

  function byId(id) { return document.getElementById(id); }
  function lamp(id) { return lamps.filter(function (one) { return one.id === id; })[0]; }
  function money(amount) { return "€" + amount.toFixed(2).replace(/\.00$/, ""); }
  function cents(amount) { return Math.round(amount * 100) / 100; }
  function cart() { return load("localStorage", "glim-cart", []); }

  function items(lines) {
    return lines.map(function (line) {
      var one = lamp(line.id);
      return { id: one.id, name: one.name, brand: "Glim", category: one.kind, price: one.price, quantity: line.quantity };
    });
  }
  function subtotal(lines) {
    return cents(items(lines).reduce(function (sum, item) { return sum + item.price * item.quantity; }, 0));
  }
  function shipping(lines) { return lines.length && subtotal(lines) < 100 ? SHIPPING : 0; }
  function total(lines) { return cents(subtotal(lines) + shipping(lines)); }

  // --- consent -------------------------------------------------------------------------------------------
  function applyConsent(answer) {
    if (!answer) return;
    window.anytrack.consent({ ad_storage: answer, ad_user_data: answer, ad_personalization: answer });
    byId("panel-consent").textContent = "Consent: " + answer;
    document.querySelectorAll("[data-consent]").forEach(function (button) {
      button.setAttribute("aria-pressed", String(button.dataset.consent === answer));
    });
  }
  document.querySelectorAll("[data-consent]").forEach(function (button) {
    button.addEventListener("click", function () {
      save("localStorage", "glim-consent", button.dataset.consent);
      applyConsent(button.dataset.consent);
    });
  });

  // --- drawing -------------------------------------------------------------------------------------------
  function drawBag() {
    var count = cart().reduce(function (sum, line) { return sum + line.quantity; }, 0);
    byId("bag-count").textContent = String(count);
    byId("bag-count").hidden = count === 0;
  }
  function element(tag, text) { var node = document.createElement(tag); if (text) node.textContent = text; return node; }
  function drawLines(lines, removable) {
    byId("lines").replaceChildren.apply(byId("lines"), lines.map(function (line) {
      var one = lamp(line.id), row = element("li"), art = element("img"), words = element("div"), side = element("div");
      art.src = "/art/" + one.slug + ".svg"; art.alt = ""; art.width = 96; art.height = 96;
      words.append(element("b", one.name), element("small", line.quantity + " × " + money(one.price)));
      side.append(element("span", money(one.price * line.quantity)));
      side.firstChild.className = "price";
      if (removable) {
        var remove = element("button", "Remove");
        remove.type = "button";
        remove.addEventListener("click", function () {
          save("localStorage", "glim-cart", cart().filter(function (kept) { return kept.id !== line.id; }));
          show();
        });
        words.append(remove);
      }
      row.append(art, words, side);
      return row;
    }));
  }
  function drawSum(lines) {
    byId("subtotal").textContent = money(subtotal(lines));
    byId("shipping").textContent = shipping(lines) ? money(SHIPPING) : "Free";
    byId("total").textContent = money(total(lines));
  }

  // --- pages ---------------------------------------------------------------------------------------------
  function product() {
    var one = lamp(document.querySelector(".product").dataset.id), box = byId("quantity");
    function quantity() { return Math.min(9, Math.max(1, parseInt(box.value, 10) || 1)); }
    window.anytrack.track("ViewContent", { value: one.price, currency: CURRENCY, items: items([{ id: one.id, quantity: 1 }]) });
    document.querySelectorAll("[data-step]").forEach(function (button) {
      button.addEventListener("click", function () { box.value = String(quantity() + Number(button.dataset.step)); box.value = String(quantity()); });
    });
    byId("buy").addEventListener("submit", function (submit) {
      submit.preventDefault();
      var line = { id: one.id, quantity: quantity() }, lines = cart();
      var same = lines.filter(function (kept) { return kept.id === one.id; })[0];
      if (same) same.quantity += line.quantity; else lines.push(line);
      save("localStorage", "glim-cart", lines);
      window.anytrack.track("AddToCart", { value: subtotal([line]), currency: CURRENCY, items: items([line]) });
      byId("added").hidden = false;
      drawBag();
    });
  }

  function cartPage() {
    var lines = cart();
    byId("cart-empty").hidden = lines.length > 0;
    byId("cart-full").hidden = lines.length === 0;
    drawLines(lines, true);
    drawSum(lines);
  }

  function orderNumber() {
    var random = new Uint32Array(2);
    crypto.getRandomValues(random);
    return "G-" + random[0].toString(36).toUpperCase() + random[1].toString(36).toUpperCase();
  }

  function checkout() {
    var lines = cart(), form = byId("checkout");
    if (!lines.length) { location.replace("/cart"); return; }
    drawLines(lines, false);
    drawSum(lines);
    window.anytrack.track("InitiateCheckout", { value: total(lines), currency: CURRENCY, items: items(lines) });
    form.addEventListener("submit", function (submit) {
      submit.preventDefault();
      var missing = Array.prototype.filter.call(form.elements, function (field) {
        var empty = field.required && !field.value.trim();
        if (field.name) field.setAttribute("aria-invalid", String(empty));
        return empty;
      });
      byId("checkout-error").hidden = missing.length === 0;
      byId("checkout-error").textContent = "Please fill in what is marked.";
      if (missing.length) { missing[0].focus(); return; }
      var typed = {};
      ["email", "phone", "first_name", "last_name", "city", "postal_code", "country"].forEach(function (name) {
        if (form.elements[name].value.trim()) typed[name] = form.elements[name].value;
      });
      window.anytrack.identify(typed);
      save("sessionStorage", "glim-order", { order_id: orderNumber(), lines: lines });
      save("localStorage", "glim-cart", []);
      location.assign("/thanks");
    });
  }

  function thanks() {
    var order = load("sessionStorage", "glim-order", null);
    if (!order) { byId("thanks-text").textContent = "There is no order in this tab yet."; return; }
    byId("order-number").textContent = order.order_id;
    drawLines(order.lines, false);
    // The order id makes the event id, so a reload of this page counts once.
    var id = window.anytrack.track("Purchase", {
      value: total(order.lines), currency: CURRENCY, order_id: order.order_id,
      shipping: shipping(order.lines), items: items(order.lines)
    });
    window.__purchaseId = id;
    byId("thanks").dataset.purchaseId = id;
  }

  function show() {
    drawBag();
    if (page === "product") product();
    if (page === "cart") cartPage();
    if (page === "checkout") checkout();
    if (page === "thanks") thanks();
  }

  applyConsent(load("localStorage", "glim-consent", null));
  show();
})();
