// IAB Europe's Transparency and Consent Framework, version 2.2: `__tcfapi`.
//
// Which of its purposes stand for ours is the configuration's; the default is the mapping that Google documents for its own
// tags: storage is purpose 1, sending data 1 and 7, personalising 3 and 4. All of a list must be consented to; a vendor, where
// the site names one, as well. Sources: "CMP API v2" of the IAB Tech Lab; Google, "Integrate with the TCF", both read
// 2026-11-27.
import { PURPOSES, quiet, whenThere } from "./api.js";

export const tcf = (tell, { tcf_purposes, tcf_special_features, tcf_vendor }) => {
  const answered = quiet((data, success) => {
    if (!success || !data) return;
    if (data.gdprApplies === false) return tell({}, true);
    // While the dialogue is open nothing is decided, and the visitor is being asked.
    if (data.eventStatus != "tcloaded" && data.eventStatus != "useractioncomplete") return tell();
    const vendor = !tcf_vendor || data.vendor?.consents?.[tcf_vendor];
    const answers = {};
    for (const purpose of PURPOSES) {
      const consented = tcf_purposes[purpose].every((number) => data.purpose?.consents?.[number]);
      const opted = (tcf_special_features[purpose] || []).every((number) => data.specialFeatureOptins?.[number]);
      answers[purpose] = vendor && consented && opted ? "granted" : "denied";
    }
    tell(answers);
  });
  whenThere("__tcfapi", (api) => quiet(api)("addEventListener", 2, answered));
};
