/** The release, put in place by the build; see scripts/build.mjs. */
declare const RENTABOT_VERSION: string;
/** Changes with what the build has bundled. */
declare const RENTABOT_BUILD: string;
