// The consent manager's answers, as it tells them to other scripts.
//
// Owns what Google's Consent Mode v2 means for our purposes: the commands that a page pushes to `dataLayer`, before this
// part came and after. Our purposes carry Google's names, so nothing is mapped.
// Source: https://developers.google.com/tag-platform/security/guides/consent, read 2026-11-27.

const PURPOSES = ["ad_storage", "ad_user_data", "ad_personalization"];

/** Calls `changed` with the answers that `dataLayer` holds, and again whenever they change. */
const google = (changed) => {
  const layer = (window.dataLayer = window.dataLayer || []);
  const defaults = {};
  const updates = {};
  const read = (command) => {
    if (command?.[0] != "consent") return;
    const to = { default: defaults, update: updates }[command[1]];
    for (const purpose of PURPOSES) {
      const answer = command[2]?.[purpose];
      if (to && /^(granted|denied)$/.test(answer)) to[purpose] = answer;
    }
    changed({ ...defaults, ...updates });
  };
  for (const command of [...layer]) read(command);
  const { push } = layer;
  layer.push = (...commands) => {
    const length = push.apply(layer, commands);
    for (const command of commands) {
      try {
        read(command);
      } catch {}
    }
    return length;
  };
};

export default ({ api }, settings) => {
  if (settings.google) google((answers) => api.consent(answers));
};
