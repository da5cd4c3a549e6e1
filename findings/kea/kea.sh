# shellcheck shell=bash
# What the scripts kea-*.sh share; each of them sources this.
# It unpacks Kea and the libraries that it needs in a temporary folder and changes to it. It installs nothing and needs no root.
KEA=2.2.0-6 # of Debian 12
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
cd "$work"
(
  mkdir packages
  cd packages
  apt-get --quiet=2 --option APT::Sandbox::User=root download "kea-common=$KEA" "kea-dhcp4-server=$KEA" \
    libcom-err2 libffi8 libgmp10 libgnutls30 libgssapi-krb5-2 libhogweed6 libidn2-0 libk5crypto3 libkeyutils1 libkrb5-3 libkrb5support0 \
    libldap-2.5-0 liblog4cplus-2.0.5 libmariadb3 libnettle8 libp11-kit0 libpq5 libsasl2-2 libssl3 libtasn1-6 libunistring2
  for package in *.deb; do dpkg -x "$package" ..; done
)
libraries=$(dirname "$work"/usr/lib/*/libkea-util.so.*[0-9] | head -n 1)
export PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 KEA_ROOT=$work LD_LIBRARY_PATH=$libraries:${libraries/usr\//}
echo "kea-dhcp4 $(usr/sbin/kea-dhcp4 -v)"
