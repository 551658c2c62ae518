cp -r "$(dirname "$(command -v process-hardening)")/../click-source" .
