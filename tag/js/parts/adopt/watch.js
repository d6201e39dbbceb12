// Standing between a page and what a vendor's snippet and script put there.
//
// Owns nothing but the way in. A vendor's object keeps its identity wherever its script compares it (Meta's does: when
// `window.fbq` is not `window._fbq` it speaks of two pixels), so a property is watched in place and a function is shown
// through a proxy, which has the function's own properties, `this` and answers. What cannot be watched stays as it is.
import { attempt } from "../../host.js";

/**
 * The function, with `before` called first, which is given the arguments and may answer others, and `after` with what
 * it answered, in whose place that may answer something. What these two throw is nobody's matter.
 */
export const around = (inner, before, after = () => {}) =>
  typeof inner != "function" ? inner
  : new Proxy(inner, {
      apply: (target, self, values) => {
        const answer = Reflect.apply(target, self, attempt(() => before(values)) || values);
        return attempt(() => after(answer, values)) || answer;
      },
    });

/**
 * Shows `object[name]` as `wrap` makes it, now and whenever it is set anew: before the vendor's snippet has run, with
 * its queue, with its script. `wrap` is called once for each value; one that `wrap` has made is not wrapped again.
 */
export const watch = (object, name, wrap) => {
  const made = new WeakMap();
  const shown = (value) => {
    if (!/^(object|function)$/.test(typeof value) || !value) return value;
    if (!made.has(value)) {
      const wrapped = attempt(() => wrap(value)) || value;
      made.set(value, wrapped).set(wrapped, wrapped);
    }
    return made.get(value);
  };
  attempt(() => {
    const own = Object.getOwnPropertyDescriptor(object, name);
    let value = object[name];
    const first = shown(value);
    try {
      Object.defineProperty(object, name, {
        configurable: true,
        enumerable: own ? own.enumerable : !(name in object),
        // Somebody else may be watching already.
        get: () => shown(own?.get ? own.get.call(object) : value),
        set: (next) => {
          if (own?.set) own.set.call(object, next);
          else value = next;
          shown(next);
        },
      });
    } catch {
      // A global that was declared cannot be watched; what is there now is shown all the same.
      object[name] = first;
    }
  });
};

/** A queue as an array of calls: `before` for each that waits, and the call replaced by what it answers. */
export const requeue = (queue, before) => {
  attempt(() => {
    for (let place = 0; place < queue.length; place++) {
      // Vendors take array and arguments alike, but some look for one of them.
      const call = queue[place];
      const other = attempt(() => before([...call]));
      if (other) queue[place] = Array.isArray(call) ? other : packed(...other);
    }
  });
};

const packed = function () {
  return arguments;
};

/**
 * Shows the calls of the function `window[name]` to `before`. A stub of the usual kind, which calls its own `method` or
 * else fills its `queue`, is watched in place; without a `method` its script replaces it, and a proxy stands there.
 */
export const watchCalls = (name, method, queue, before) =>
  watch(window, name, (stub) => {
    if (!method) {
      requeue(stub[queue], before);
      return around(stub, before);
    }
    const one = (call) => {
      const other = attempt(() => before([...call]));
      return other ? packed(...other) : call;
    };
    watch(stub, method, (inner) => around(inner, before));
    watch(stub, queue, (waiting) => {
      requeue(waiting, before);
      watch(waiting, "push", (push) => around(push, (calls) => calls.map(one)));
    });
  });
