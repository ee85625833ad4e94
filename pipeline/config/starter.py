"""What ``assure init`` writes: settings with every key, its default and its meaning, and a first inventory to replace by one's own."""


def starter_settings() -> str:
    """A settings file that loads as it is. Lines that begin ``#key:`` show defaults; take the ``#`` away to change one."""
    return _SETTINGS


_SETTINGS = """\
# Settings of the assurance pipeline. `assure check` reads this file and tells every mistake in it at once.
# A line like "#port: 18123" shows a default: take the # away to change it. Relative paths begin at this file's folder.
# A secret is never written here: env:NAME takes it from the environment, file:PATH from a file that only its owner can read.

# Where the pipeline keeps what it must not lose: journals, the embedded stores, logs.
data_dir: data
# Your network, services, customers and contracts: YAML and CSV files.
inventory_dir: inventory
# Your own copy of the rules and the MIB index; without these lines, those that come with the package.
#rules_dir: rules
#mibs_dir: mibs
# Each process serves /metrics, /healthz and /readyz on a port of its own, from this one on.
#metrics_host: 127.0.0.1
#metrics_port: 18700

# What tells of the network besides inventory_dir, in order of precedence: the first that states a field has it, the files of inventory_dir
# before all unless "files" is listed further down. `assure topology fetch` asks them, `assure topology conflicts` tells who disagrees.
#   - {name: netbox, kind: netbox, url: "https://netbox.example.net", token: file:secrets/netbox, allow_private: true}
#   - {name: resources, kind: tmf639, url: "https://oss.example.net/tmf-api/resourceInventoryManagement/v4", token: env:OSS_TOKEN}
#   - {name: services, kind: tmf638, url: "https://oss.example.net/tmf-api/serviceInventory/v4", token: env:OSS_TOKEN}
#   - {name: lldp, kind: discovery, targets: [192.0.2.0/24], communities: [env:SNMP_COMMUNITY]}
# What each takes further (filter, fields, types, page, timeout_s, ca_file, confidence, user, folder): the README of pipeline/inventory.
inventory:
  #sources: []
  # Others first for a section, or one field of it: {devices.interfaces.index: [lldp], links: [lldp, netbox]}
  #precedence: {}
  # For what no source states: {customers.tier: bronze, devices.community: "env:SNMP_COMMUNITY"}
  #defaults: {}
  # How often they are asked (0: only when told to), and from which age on one is stale (0: three times as long).
  #fetch_every_s: 3_600.0
  #stale_after_s: 0.0

# The message broker. The embedded one is for one machine; for Kafka write its servers and embedded: false.
broker:
  #bootstrap: "127.0.0.1:19092"
  #embedded: true
  #partitions: 4
  #replication: 1
  # How the embedded broker writes: normal, or full to outlive a power cut.
  #sync: normal

# The history, a ClickHouse. The embedded one is for one machine; for a server write its address and embedded: false.
history:
  #host: 127.0.0.1
  #port: 18123
  #native_port: 19000
  #database: assure
  #user: assure
  password: file:secrets/history
  # For people and dashboards, who only read.
  viewer_password: file:secrets/viewer
  #secure: false
  #embedded: true
  #memory_bytes: 2_000_000_000
  #flush_ms: 500
  # Days for which indicators are kept: every value, by the minute, by the hour.
  #kpi_days: 14
  #kpi_1m_days: 90
  #kpi_1h_days: 1_095

# Ticket links, receipts, credits and approvals. Without a URL: SQLite in data_dir. For PostgreSQL: env:ASSURE_OBLIGATIONS_URL.
obligations:
  #url: ""

# Notifications. Only what is listed in allow is taken; nothing else is even read.
traps:
  #collector: trap-1
  # Receivers that share the addresses below, each on a core of its own; a source is always heard by the same one.
  #processes: 1
  #listen: ["127.0.0.1:16200"]
  #allow: [127.0.0.0/8]
  # Who may speak for another device (its address is then taken from the notification).
  #forwarders: []
  # Communities of v1 and v2c that are accepted; none listed means any.
  #communities: []
  # SNMPv3 users; without any, no v3 message is taken. auth: sha256 (sha224, sha384, sha512); priv: aes128 (aes192, aes256, and as Cisco
  # has them aes192-cisco, aes256-cisco); md5, sha1 and des want allow_weak: true. level: the least that is taken (auth-priv, auth-no-priv,
  # no-auth-no-priv), by default the most that the passwords allow. engine_ids: whose traps the user may send, in hexadecimal.
  # relaxed_clock: CIDRs of devices that lose count of their boots; what they send outside the window confirms no outage that pays.
  #   - {name: noc, auth: sha256, auth_password: file:secrets/noc-auth, priv: aes128, priv_password: file:secrets/noc-priv}
  #users: []
  #receive_buffer_bytes: 8_388_608
  #batch_ms: 5
  #segment_bytes: 67_108_864
  # What was published stays in the journal until its room is wanted, or for so many days (0: however long there is room).
  #journal_bytes: 4_294_967_296
  #journal_days: 0.0
  # In a storm only the last notification of each object is passed on, so that no state is lost and other senders are not delayed.
  guard:
    #enabled: true
    # What one sender may say at once, and then each second.
    #source_burst: 200
    #source_per_s: 50.0
    # The same for one object of a sender: an alarm of a resource.
    #object_burst: 10
    #object_per_s: 2.0
    # All senders together, of each receiver; one that stays under an equal share of it is not held back.
    #overall_per_s: 4_000.0
    # A storm is over when the rate was under rearm times its limit for rearm_s.
    #rearm: 0.5
    #rearm_s: 10.0
    # In a storm, a sender's last states leave this often.
    #compact_s: 1.0
    # With more than this many held back, the oldest are passed on.
    #held_max: 10_000

# Polls: each device is asked every interval_s; and at once when a trap claims something, at most once in question_pause_s.
polls:
  #collector: poll-1
  #interval_s: 30.0
  #timeout_s: 1.0
  #retries: 1
  #in_flight: 256
  # Questions a second to one device, one at a time.
  #requests_per_s: 200.0
  # After so many turns without an answer a device is asked a single question each turn, until it answers.
  #silent_polls: 3
  # More processes share the devices; when one ends, the others take its devices over.
  #processes: 1
  # ICMP echoes beside SNMP; the kernel must grant them: sysctl -w net.ipv4.ping_group_range="0 2147483647"
  #ping: false
  #pings: 3
  #segment_bytes: 67_108_864
  #journal_bytes: 1_073_741_824
  #journal_days: 0.0
  #question_pause_s: 5.0
  #questions_per_s: 20.0

# An incident opens settle_s after the last new alarm that belongs to it, and settle_cap_s after the first at the latest.
correlation:
  #settle_s: 1.5
  #settle_cap_s: 5.0
  #flap_changes: 5
  #flap_window_s: 60.0
  #clear_hold_s: 10.0

# Elements whose indicators, taken together, are unlike themselves: models are trained from the history. And when links will be full.
detectors:
  # What came in so many seconds is judged at once.
  #score_every_s: 5.0
  # Odd is what at most such a share of an element's ordinary moments is; so many in a row raise an alarm, so many clear it.
  #rare: 0.001
  #odd_samples: 5
  #normal_samples: 5
  # A new model must beat the one that runs. train_days of history are read; with less than least_days nothing is trained. 0 hours: never.
  #train_every_hours: 24.0
  #train_days: 14
  #least_days: 3.0
  # When each link's busy hour passes such a share of its speed (`assure forecast`).
  #forecast_every_hours: 24.0
  #forecast_threshold: 0.8

# The ticket system: tmf621, servicenow, jira, request-tracker, roundup or zammad. built_in runs our own ticket book (TMF621) at this URL.
tickets:
  #system: tmf621
  #url: "http://127.0.0.1:18621"
  #built_in: true
  # With a user the secret is its password or API token, without one a token: secret: file:secrets/tickets
  #user: ""
  #secret: ""
  # Permits private addresses and http. ca_file: certificates that are trusted instead of the public ones.
  #allow_private: false
  #ca_file: ~
  #timeout_s: 10.0
  # Where new tickets go: a queue (request-tracker), a project's key (jira), a group (zammad), an assignment group (servicenow).
  #project: ""
  # Jira's type of issue; the field that holds the incident's id (request-tracker: a custom field, servicenow: correlation_id).
  #issue_type: ""
  #key_field: ""
  # What a resolved ticket is closed with (servicenow: its close code, jira: its resolution).
  #resolution: ""
  # Our statuses and severities in the system's words: {held: On Hold}, {critical: Highest}
  #statuses: {}
  #severities: {}
  # Further fields of new tickets: {category: network, u_cause: "{root_cause}"}. Filled in are {incident}, {title}, {severity},
  # {root_cause}, {services} and {customers}.
  #fields: {}
  # An incident that comes back so soon has its ticket reopened; later, a new one that names the old.
  #reopen_hours: 24.0
  # How often tickets are looked at for what people did (0: never). At once, when the system posts to /api/tickets/changed,
  # signed with this secret.
  #poll_s: 30.0
  #webhook_secret: ""

# Who is told, by signed webhooks (Standard Webhooks). rules/routing.yaml says of what; its route goes to the one named on-call:
#   - {name: on-call, url: "https://…", secret: file:secrets/on-call}
#webhooks: []
# Who is told otherwise. PagerDuty's secret is the integration key, ack_secret what it signs its webhooks with: those to POST
# /api/receivers/pd bring acknowledgements back. Slack's secret is the whole URL of an incoming webhook. allow_private: true permits
# private addresses, and mail in clear text there.
#   - {name: pd, kind: pagerduty, secret: file:secrets/pagerduty, ack_secret: file:secrets/pagerduty-webhook}
#   - {name: prometheus, kind: alertmanager, url: "http://127.0.0.1:9093", allow_private: true}
#   - {name: noc-channel, kind: slack, secret: file:secrets/slack}
#   - {name: alice-mail, kind: email, url: "smtps://mail.example.net", user: noc, secret: file:secrets/mail, sender: noc@example.net,
#      to: [alice@example.net]}
#receivers: []

# Credits. Without posting they are computed and kept in the ledger, and nothing else: the dry run.
billing:
  #posting: false
  # Where approved credits go: stripe, kill-bill, lago, webhook (signed), csv (files in folder, which begins at data_dir), or none.
  #system: none
  #url: ""
  # Stripe's or Lago's API key, Kill Bill's tenant secret, or the webhook's secret: file:secrets/billing.
  #secret: ""
  # Kill Bill's tenant key, and its login.
  #api_key: ""
  #user: ""
  #password: ""
  #allow_private: false
  #folder: billing
  # Our customers' names in the billing system: {example: cus_NcjdgdwZyI9Rj7}
  #accounts: {}
  # In each currency: above which amount two people approve, and caps on one credit, on one customer's month, on everybody's day (UTC).
  #   - {currency: EUR, two_people_over: 500.00, per_credit: 5000.00, per_customer: 10000.00, per_day: 50000.00}
  #limits: []
  # Login names that may approve with `assure credits approve`. By the API, tokens of the role approver do.
  #approvers: []
  # What was posted is read back after so long.
  #confirm_after_s: 60.0

# What customers are told of what they feel (rules/notices.yaml, rules/messages), to the contacts that the inventory names. Without sending
# it is decided and worded, and nobody is told: the dry run. Contacts of channel email are told by one of the receivers (mail), those of
# channel tmf681 by the messaging system at tmf681_url, from sender; it may want a token: tmf681_token: file:secrets/messaging
messages:
  #sending: false
  #mail: ""
  #sender: ""
  #tmf681_url: ""
  #tmf681_token: ""
  #allow_private: false

# What may be done about incidents by itself (rules/remedies.yaml). Without acting, remedies are proposed and never started: the dry run.
# Actions are POSTs or programs, by the names that the rules use; each gets JSON, a program on its standard input:
#   - {name: reset-port, url: "https://…", secret: file:secrets/automation}
#   - {name: power-cycle, argv: [/usr/local/bin/power-cycle], timeout_s: 30}
remedies:
  #acting: false
  #actions: []

# The console and the northbound API. Whoever asks needs the token.
api:
  #listen: "127.0.0.1:18642"
  token: file:secrets/api
  # Callers with a token and a name of their own: a viewer reads, an operator also acknowledges, shelves and plans work, an approver
  # also approves credits. A customer reads its own view (/view) and nothing else.
  #   - {name: noc, role: operator, secret: file:secrets/noc-token}
  #   - {name: acme-portal, role: customer, customer: acme, secret: file:secrets/acme-token}
  #tokens: []
  # Further names by which browsers call it, such as that of a proxy before it.
  #hosts: []
  # How people reach the console: notifications link to it.
  #url: ""
  # Events go to systems that register a callback; on private addresses only if this is true, and signed as webhooks are with a secret.
  #hubs_private: false
  #hubs_secret: ""
"""

STARTER_INVENTORY = """\
# A first inventory: two routers, a link, a service of one customer. Put your own in its place; `assure check` tells every
# mistake at once. Keys may be spread over several files; services and customers may also be CSV files (services.csv).
# Addresses are those of RFC 5737, which nobody has.

sites:
  - {name: ams}
  - {name: rtm}

devices:
  - name: pe1
    site: ams
    address: 192.0.2.1
    interfaces:
      - {name: ge-0/0/1, index: 1, speed_mbps: 10000, description: to pe2}
      - {name: ge-0/0/2, index: 2, speed_mbps: 1000, description: customer}
    uplinks: [ge-0/0/1]  # through which it is reached; leave out for a device managed out of band
  - name: pe2
    site: rtm
    address: 192.0.2.2
    #snmp_version: v3  # v2c unless written; with v3 comes a user of the settings' traps.users
    #user: noc
    interfaces:
      - {name: ge-0/0/1, index: 1, speed_mbps: 10000, description: to pe1}
      - {name: ge-0/0/2, index: 2, speed_mbps: 1000, description: customer}

fibres:
  - {name: f-ams-rtm}

links:
  - {name: pe1--pe2, a: pe1/ge-0/0/1, b: pe2/ge-0/0/1, fibres: [f-ams-rtm]}

lsps:
  - {name: ams-rtm, head: pe1, links: [pe1--pe2]}

tunnels:
  - {name: t-ams-rtm, needs: 1, lsps: [ams-rtm]}

customers:
  - {name: example, display_name: Example Ltd, tier: silver, timezone: Europe/Amsterdam}

services:
  - name: example-vpn-1
    customer: example
    contract: example-2026
    kind: l3vpn
    needs: [tunnel/t-ams-rtm, interface/pe1/ge-0/0/2, interface/pe2/ge-0/0/2]

contracts:
  - {name: example-2026, customer: example, plan: lab-silver, currency: EUR, charges: {example-vpn-1: "1200.00"}}

# Planned work, by which nobody is paged and which agreements may exclude:
#   - {name: mw-1, resources: [link/pe1--pe2], starts_at: 2026-12-01T01:00:00Z, ends_at: 2026-12-01T03:00:00Z, reason: splice}
windows: []
"""
