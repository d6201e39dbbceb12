// The clock: from here, right before the snippet, to the first event that is sent; and tasks and shifts that a visitor would notice.
(function () {
  window.__long = 0;
  window.__tasks = [];
  window.__shift = 0;
  new PerformanceObserver(function (list) {
    list.getEntries().forEach(function (task) {
      window.__tasks.push([Math.round(task.startTime), Math.round(task.duration)]);
      window.__long = Math.max(window.__long, task.duration);
    });
  }).observe({ type: "longtask", buffered: true });
  // Of the frames that took long, the longest piece of script from another origin than the page's, which is the tag's.
  window.__piece = 0;
  new PerformanceObserver(function (list) {
    list.getEntries().forEach(function (frame) {
      frame.scripts.forEach(function (script) {
        // After a rest the tag goes on by a message to itself, which has no address.
        var tags = /^http/.test(script.sourceURL) ? script.sourceURL.indexOf(location.origin + "/") !== 0 : /^MessagePort/.test(script.invoker);
        if (tags) {
          window.__piece = Math.max(window.__piece, script.duration);
        }
      });
    });
  }).observe({ type: "long-animation-frame", buffered: true });
  new PerformanceObserver(function (list) {
    list.getEntries().forEach(function (shift) { window.__shift += shift.value; });
  }).observe({ type: "layout-shift", buffered: true });
  var get = window.fetch;
  window.fetch = function (url, options) {
    if (options && options.method === "POST" && !window.__took) {
      window.__took = performance.now() - start;
      window.__body = options.body;
    }
    return get.call(window, url, options);
  };
  var start = performance.now();
})();
