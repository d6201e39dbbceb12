// Collects what a test wants to ask a page afterwards: exceptions, policy violations, the tag's own events.
window.__errors = [];
window.__violations = [];
window.__seen = [];
addEventListener("error", function (failure) { window.__errors.push(String(failure.message)); });
addEventListener("unhandledrejection", function (failure) { window.__errors.push("rejected: " + String(failure.reason)); });
addEventListener("securitypolicyviolation", function (violation) { window.__violations.push(violation.effectiveDirective + " " + violation.blockedURI); });
document.addEventListener("anytrack:event", function (happening) { window.__seen.push(happening.detail); });
