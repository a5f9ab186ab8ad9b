/** Stands in the bundle for daily-js, which loads code from a foreign host when it is used. Nothing here uses it. */
export default {
  createCallObject(): never {
    throw new Error("This page has a media manager of its own; daily-js is not part of it.");
  },
  getCallInstance(): undefined {
    return undefined;
  },
};
