/** One of a list of machines, as releng-hardware has it: what `GET /machines` answers, and what can be taken over from there. */
export interface MachineEntryJson {
  datacenter: string;
  machine: string;
  /** UTC, with up to six decimals: `2018-11-08T08:47:50.939514`. */
  lastseen: string;
}

export interface MachineJson {
  /** `mdc1:t-linux64-ms-100`: the datacenter, a colon, the host. */
  machine: string;
  /** RFC 3339, to the microsecond. */
  lastSeen: string;
  /** Those that are that machine, or on it. */
  resources: string[];
}

export interface MachinesJson {
  machines: MachineJson[];
}

/** What `POST /api/v2/machines` answers. */
export interface MachinesTakenJson {
  /** How many are known better now. */
  taken: number;
  /** Of how many something as late, or later, was known. */
  older: number;
}
