#!/bin/sh
# An agent that does everything right: a process that sleeps, in two roles.
prefix=${OCF_EXIT_REASON_PREFIX:-ocf-exit-reason:}
instance=${OCF_RESOURCE_INSTANCE:-default}
state=${HA_RSCTMP:-/run/resource-agents}/good-$instance
size=${OCF_RESKEY_size:-3}
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

fail() { # CODE REASON
    printf '%s%s\n' "$prefix" "$2" >&2
    exit "$1"
}

metadata() {
    cat <<'END'
<?xml version="1.0"?>
<resource-agent name="good" version="1.0">
<version>1.1</version>
<longdesc lang="en">Sleeps.</longdesc>
<shortdesc lang="en">Sleeper</shortdesc>
<parameters>
<parameter name="colour" unique-group="colour" required="1">
<longdesc lang="en">The colour of the dreams.</longdesc>
<shortdesc lang="en">Colour</shortdesc>
<content type="string"/>
</parameter>
<parameter name="size" reloadable="1">
<longdesc lang="en">The size of the dreams.</longdesc>
<shortdesc lang="en">Size</shortdesc>
<content type="integer" default="3"/>
</parameter>
<parameter name="colour_name">
<deprecated><replaced-with name="colour"/></deprecated>
<longdesc lang="en">The colour of the dreams.</longdesc>
<shortdesc lang="en">Colour</shortdesc>
<content type="string"/>
</parameter>
</parameters>
<actions>
<action name="start" timeout="20s"/>
<action name="stop" timeout="20s"/>
<action name="promote" timeout="20s"/>
<action name="demote" timeout="20s"/>
<action name="notify" timeout="20s"/>
<action name="monitor" timeout="20s" interval="10s" depth="0" role="Unpromoted"/>
<action name="monitor" timeout="20s" interval="11s" depth="0" role="Promoted"/>
<action name="reload-agent" timeout="20s"/>
<action name="meta-data" timeout="5s"/>
<action name="validate-all" timeout="20s"/>
</actions>
</resource-agent>
END
}

alive() {
    [ -s "$state" ] || return 1
    read -r pid <"$state"
    kill -0 "$pid" 2>/dev/null
}

validate() {
    [ -n "$OCF_RESKEY_colour" ] || fail 6 "the parameter colour is missing"
    case $size in '' | *[!0-9]*) fail 6 "size=$size is not a number" ;; esac
}

start() {
    validate
    alive && return 0
    # First the state, then a session of its own: a start that is killed leaves nothing unknown.
    (cd / && exec sh -c 'echo $$ >"$0"; exec setsid sleep 600' "$state") \
        </dev/null >/dev/null 2>&1 &
    until alive; do sleep 0.02; done
}

stop() {
    while alive; do
        kill -9 "$pid"
        sleep 0.02
    done
    rm -f "$state" "$state.promoted"
}

monitor() {
    alive || return 7
    if [ -e "$state.promoted" ]; then return 8; fi
}

case $1 in
meta-data) metadata ;;
validate-all) validate ;;
start) start ;;
stop) stop ;;
monitor) monitor ;;
promote) alive && touch "$state.promoted" ;;
demote) rm -f "$state.promoted" ;;
notify) exit 0 ;;
reload-agent) exit 0 ;;
*) fail 3 "unknown action: $1" ;;
esac
