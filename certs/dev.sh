#!/usr/bin/env bash
# Makes certificates for development: an authority of your own, kept, and a certificate by it. See README.md.
set -euo pipefail

usage='usage: certs/dev.sh [--out DIR] [NAME-OR-IP...]

Makes dev-ca.pem (trust this one), dev.pem and dev.key (give these to the gateway) in certs/, or in DIR.
Does nothing while they are good for another 7 days and cover what is asked. Names once given are kept.'

# Not *.localhost: with it, Firefox and rustls refuse a certificate of a bound authority whole, because right below a
# top-level name they know no wildcard.
NAMES=(localhost app.localhost '*.app.localhost' acme.localhost globex.localhost)
IPS=(127.0.0.1 ::1)
LEAF_DAYS=90
CA_DAYS=3650
RENEW_SECONDS=$((7 * 24 * 3600))

say() { printf '%s\n' "$*"; }
fail() { printf 'certs/dev.sh: %s\n' "$*" >&2; exit 1; }

OUT=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Where `sidgate dev` keeps its authority: trusted there, it need not be trusted here again.
SHARED=${XDG_DATA_HOME:-${HOME:-/nonexistent}/.local/share}/sidgate/dev-ca
ASKED=()
while [ $# -gt 0 ]; do
    case $1 in
    --out) [ -n "${2:-}" ] || fail "--out needs a folder"; mkdir -p "$2"; OUT=$(cd "$2" && pwd) SHARED=''; shift ;;
    -h | --help) say "$usage"; exit 0 ;;
    -*) say "$usage" >&2; exit 2 ;;
    *) ASKED+=("$1") ;;
    esac
    shift
done
command -v openssl >/dev/null || fail "openssl is missing. It is in your system's packages."
CA=$OUT/dev-ca.pem CA_KEY=$OUT/dev-ca.key LEAF=$OUT/dev.pem LEAF_KEY=$OUT/dev.key

# Private from the first byte on, and no half-written file under its name.
umask 077
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

is_ip() { [[ $1 == *:* || $1 =~ ^[0-9]+(\.[0-9]+){3}$ ]]; }
# The one way to write an address, so that ::1 and 0:0:0:0:0:0:0:1 are the same.
canonical() {
    if is_ip "$1"; then san_of "IP:$1"; else printf 'DNS:%s\n' "$(tr '[:upper:]' '[:lower:]' <<<"$1")"; fi
}
san_of() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -days 1 -subj /CN=x \
        -addext "subjectAltName=$1" 2>/dev/null | sans_in /dev/stdin || fail "this is no name and no address: ${1#*:}"
}
# The names and addresses of a certificate, one per line.
sans_in() {
    openssl x509 -in "$1" -noout -ext subjectAltName | tail -n +2 | tr ',' '\n' |
        sed -e 's/^ *//' -e 's/^IP Address:/IP:/'
}

wanted() {
    local name
    for name in "${NAMES[@]}" "${IPS[@]}" ${ASKED[@]+"${ASKED[@]}"}; do
        [[ $name =~ ^[A-Za-z0-9.:*_-]+$ ]] || fail "this is no name and no address: $name"
        canonical "$name"
    done
    [ ! -s "$LEAF" ] || sans_in "$LEAF" | grep -vxF 'DNS:*.localhost'
}

good() {
    [ -s "$1" ] && [ -s "$2" ] && openssl x509 -in "$1" -noout -checkend "$RENEW_SECONDS" >/dev/null 2>&1 &&
        [ "$(openssl x509 -in "$1" -noout -pubkey 2>/dev/null)" = "$(openssl pkey -in "$2" -pubout 2>/dev/null)" ]
}
signed_by_ca() { openssl verify -CAfile "$CA" "$1" >/dev/null 2>&1; }

# An authority that is trusted for these names and no others: whoever steals its key cannot be your bank.
make_ca() {
    local number=0 entry
    {
        printf '%s\n' '[ca]' 'basicConstraints=critical,CA:TRUE,pathlen:0' 'keyUsage=critical,keyCertSign,cRLSign' \
            'subjectKeyIdentifier=hash' 'nameConstraints=critical,@permitted' '[permitted]' \
            'permitted;DNS.0=localhost' 'permitted;DNS.00=test' \
            'permitted;IP.0=127.0.0.0/255.0.0.0' 'permitted;IP.00=::1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'
        while read -r entry; do
            number=$((number + 1))
            case $entry in
            DNS:localhost | DNS:*.localhost | DNS:test | DNS:*.test | IP:127.* | IP:0:0:0:0:0:0:0:1) ;;
            DNS:*) entry=${entry#DNS:} && say "permitted;DNS.$number=${entry#\*.}" ;;
            IP:*:*) say "permitted;IP.$number=${entry#IP:}/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" ;;
            IP:*) say "permitted;IP.$number=${entry#IP:}/255.255.255.255" ;;
            esac
        done <"$WORK/wanted"
    } >"$WORK/ca.cnf"
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORK/ca.key" -out "$WORK/ca.csr" \
        -subj "/O=sidgate development/CN=sidgate development CA $(openssl rand -hex 3)" 2>"$WORK/log" &&
        openssl x509 -req -in "$WORK/ca.csr" -key "$WORK/ca.key" -days "$CA_DAYS" -sha256 \
            -extfile "$WORK/ca.cnf" -extensions ca -out "$WORK/ca.pem" 2>>"$WORK/log" ||
        { cat "$WORK/log" >&2; fail "openssl could not make the authority"; }
    mv "$WORK/ca.key" "$CA_KEY"
    chmod 644 "$WORK/ca.pem"
    mv "$WORK/ca.pem" "$CA"
    say "Made an authority: $CA. Trust this one (certs/README.md says how), and again if you trusted another before."
}

make_leaf() {
    printf '%s\n' '[leaf]' 'basicConstraints=critical,CA:FALSE' 'keyUsage=critical,digitalSignature' \
        'extendedKeyUsage=serverAuth' 'subjectKeyIdentifier=hash' 'authorityKeyIdentifier=keyid' \
        "subjectAltName=$(paste -s -d , "$WORK/wanted")" >"$WORK/leaf.cnf"
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORK/leaf.key" \
        -out "$WORK/leaf.csr" -subj "/O=sidgate development/CN=localhost" 2>"$WORK/log" &&
        openssl x509 -req -in "$WORK/leaf.csr" -CA "$CA" -CAkey "$CA_KEY" -set_serial "0x$(openssl rand -hex 16)" \
            -days "$LEAF_DAYS" -sha256 -extfile "$WORK/leaf.cnf" -extensions leaf -out "$WORK/leaf.pem" 2>>"$WORK/log" ||
        { cat "$WORK/log" >&2; fail "openssl could not make the certificate"; }
}

# The copy of the certificate is for those who look for it here; a key of this folder's own goes before.
if [ -n "$SHARED" ] && [ ! -s "$CA_KEY" ] && good "$SHARED/dev-ca.pem" "$SHARED/dev-ca.key"; then
    cp "$SHARED/dev-ca.pem" "$CA"
    chmod 644 "$CA"
    CA_KEY=$SHARED/dev-ca.key
fi

wanted | sort -u >"$WORK/wanted"
if good "$CA" "$CA_KEY" && good "$LEAF" "$LEAF_KEY" && signed_by_ca "$LEAF" &&
    [ "$(sans_in "$LEAF" | sort -u)" = "$(cat "$WORK/wanted")" ]; then
    say "$LEAF is good until $(openssl x509 -in "$LEAF" -noout -enddate | cut -d= -f2)."
    exit 0
fi
good "$CA" "$CA_KEY" || { CA_KEY=$OUT/dev-ca.key && make_ca; }
make_leaf
# A new name may lie outside of what the authority may sign; then it takes a new authority.
signed_by_ca "$WORK/leaf.pem" || { CA_KEY=$OUT/dev-ca.key && make_ca && make_leaf; }
signed_by_ca "$WORK/leaf.pem" || fail "the authority does not vouch for its own certificate"
mv "$WORK/leaf.key" "$LEAF_KEY"
chmod 644 "$WORK/leaf.pem"
mv "$WORK/leaf.pem" "$LEAF"
say "Made $LEAF and $LEAF_KEY, good until $(openssl x509 -in "$LEAF" -noout -enddate | cut -d= -f2), for:"
sed -e 's/^[A-Z]*:/    /' "$WORK/wanted"
