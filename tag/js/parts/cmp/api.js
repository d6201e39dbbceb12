// Waiting for a function of the page that a consent manager brings, and the purposes all interfaces are read into.

/** What a visitor may agree to. */
export const PURPOSES = ["ad_storage", "ad_user_data", "ad_personalization"];

/** Calls back once `window` has a function of this name. Managers are told to define theirs first thing; a minute is ample. */
export const whenThere = (name, callback) => {
  let tries = 240;
  const look = () => {
    if (typeof window[name] == "function") callback(window[name]);
    else if (tries--) setTimeout(look, 250);
  };
  look();
};

/** A callback that never throws into the page. */
export const quiet =
  (action) =>
  (...values) => {
    try {
      return action(...values);
    } catch {}
  };
